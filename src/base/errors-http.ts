/** The rows of the table of refusals that are about access and about HTTP. Raises nothing. */

import {
  busy,
  conflict,
  denied,
  type ErrorRow,
  input,
  missing,
  outdated,
  tooLarge,
  unavailable,
  unknown,
  usage,
} from './error-row.js'

/** 14xx */
export const ACCESS_ERRORS = {
  'TIE-1401': {
    ...denied,
    message: 'Requests for the host "{host}" are not answered.',
    remedy: 'The embedded product answers on localhost and 127.0.0.1 only.',
  },
  'TIE-1402': {
    ...unknown,
    message: 'The request does not say who asks.',
    remedy:
      'Send an API key or a token: Authorization: Bearer …. An admin makes keys: tieout keys create NAME.',
  },
  'TIE-1403': {
    ...denied,
    message: 'The role {role} may not do this.',
    remedy: 'It needs {needed}.',
  },
  'TIE-1404': {
    ...denied,
    message: '{who} prepared run {run} and cannot sign it off.',
    remedy: 'Ask somebody else: who prepares does not approve.',
  },
  'TIE-1405': {
    ...unknown,
    message: 'The credential does not hold.',
    remedy: 'It is unknown, expired, revoked or not for this server; ask for a new one.',
  },
  'TIE-1406': {
    ...usage,
    message: 'Without a login the server does not listen on {host}: everyone who reaches it would be admin.',
    remedy: 'Add --auth keys or --auth jwt, or listen on 127.0.0.1.',
  },
  'TIE-1407': {
    ...usage,
    message: 'The setting {setting} does not fit: {detail}.',
    remedy: 'docs/http.md shows how a server is set up; tieout config shows where each setting came from.',
  },
  'TIE-1408': {
    ...denied,
    message: 'The token names no {claim} that this server knows.',
    remedy:
      'Its issuer must put the claims tenant (a name), role (reader, preparer, approver, admin) and sub into it.',
  },
  'TIE-1409': {
    ...conflict,
    message: '{who} has signed off run {run} already.',
    remedy: 'Nothing is left to do: tieout runs show {run}.',
  },
  'TIE-1410': {
    ...conflict,
    message: 'Run {run} is {status}; only a completed run is signed off.',
    remedy: 'Make one that completes: tieout runs create.',
  },
  'TIE-1411': {
    ...missing,
    message: 'There is no API key "{key}".',
    remedy: 'List them: tieout keys list.',
  },
  'TIE-1412': {
    ...unavailable,
    message: "The issuer's keys cannot be read: {detail}.",
    remedy: 'Check the setting jwks, and that this machine reaches it.',
  },
} as const satisfies Record<string, ErrorRow>

/** 16xx */
export const HTTP_ERRORS = {
  'TIE-1601': {
    ...usage,
    message: 'The body is no JSON: {detail}.',
    remedy: 'Send one JSON object in UTF-8; /openapi.json has its schema.',
  },
  'TIE-1602': {
    ...tooLarge,
    message: 'The body is larger than {limit} bytes.',
    remedy: 'Send less at once. For files the server has the setting max_upload.',
  },
  'TIE-1603': {
    ...usage,
    message: 'The JSON is nested deeper than {limit} levels.',
    remedy: 'No request needs that many; /openapi.json has the schema of the body.',
  },
  'TIE-1604': {
    ...usage,
    message: 'The key "{key}" stands twice in one object.',
    remedy: 'Leave one of them out: which was meant cannot be known.',
  },
  'TIE-1605': {
    ...usage,
    message: 'The cursor does not belong to this list.',
    remedy:
      'Take next_cursor of the page before, with the same filters; without a cursor the list starts at its beginning.',
  },
  'TIE-1606': {
    ...outdated,
    message: 'If-Match names another state than the current one.',
    remedy: 'Read it again, look whether the change still makes sense, and send it with the new ETag.',
  },
  'TIE-1607': {
    ...usage,
    message: 'If-Match: {detail}.',
    remedy: 'Send the ETag of the GET as it came, such as "v3-0a1b…", or * for whatever is there.',
  },
  'TIE-1608': {
    status: 405,
    exit: 2,
    message: '{path} does not answer {method}.',
    remedy: 'It answers {allow}.',
  },
  'TIE-1609': {
    status: 406,
    exit: 2,
    message: 'The route answers with {type}, which the header Accept leaves out.',
    remedy: 'Accept {type}, or */*.',
  },
  'TIE-1610': {
    status: 415,
    exit: 2,
    message: 'The route takes no "{type}".',
    remedy: 'Send one of: {known}, without a Content-Encoding.',
  },
  'TIE-1611': {
    ...usage,
    message: '{input}: {detail}.',
    remedy: 'The page at / and /openapi.json say what the route takes. {suggestion}',
  },
  'TIE-1612': {
    ...denied,
    message: 'The file {path} cannot be named in a request.',
    remedy:
      'Send the facts themselves (facts import), or start the server with --files DIR and name a file beneath that directory.',
  },
  'TIE-1613': {
    ...usage,
    message: 'The Idempotency-Key is no key.',
    remedy: 'Use 1 to 255 visible ASCII characters, such as a UUID.',
  },
  'TIE-1614': {
    ...input,
    message: 'The Idempotency-Key was used for another request.',
    remedy: 'Take a new key for a new request; to repeat one, send exactly what was sent.',
  },
  'TIE-1615': {
    ...conflict,
    message: 'The request with this Idempotency-Key is being carried out.',
    remedy: 'Wait, then send it again: its answer is given again.',
  },
  'TIE-1616': {
    ...conflict,
    message:
      'The request with this Idempotency-Key was carried out, and its answer was lost with the process that made it.',
    remedy: 'Look what is there before you ask for it again, under a new key.',
  },
  'TIE-1617': {
    ...missing,
    message: 'There is no job "{job}".',
    remedy: 'Jobs are kept for an hour by the process that does them; what a job made stays.',
  },
  'TIE-1618': {
    ...busy,
    message: '{count} jobs are under way; there is room for no more.',
    remedy: 'Wait until one has ended, then send it again.',
  },
  'TIE-1619': {
    ...unavailable,
    message: 'The server is busy with {count} requests.',
    remedy: 'Send it again in a moment.',
  },
  'TIE-1620': {
    ...usage,
    message: 'The header X-Correlation-ID {detail}.',
    remedy:
      'Send an id of the request that other systems know it by: letters, digits, `.`, `_` and `-`, at most 100.',
  },
  'TIE-1621': {
    ...busy,
    message: '{who} sent more than {limit} requests a minute.',
    remedy: 'Wait as many seconds as Retry-After says. The server has the setting rate_limit.',
  },
} as const satisfies Record<string, ErrorRow>
