/** The rows of the table of refusals that are about access and about HTTP. Raises nothing. */

import { denied, type ErrorRow, tooLarge, usage } from './error-row.js'

/** 14xx */
export const ACCESS_ERRORS = {
  'TIE-1401': {
    ...denied,
    message: 'Requests for the host "{host}" are not answered.',
    remedy: 'The embedded product answers on localhost and 127.0.0.1 only.',
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
} as const satisfies Record<string, ErrorRow>
