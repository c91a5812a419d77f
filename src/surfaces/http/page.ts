/** What every page has: a frame, a style, nothing from elsewhere. Raises nothing. */

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const STYLE = `
  :root { --ink: #1c2024; --soft: #50575e; --line: #e3e6e9; --back: #fff; --link: #0b5cad; --code: #f4f6f8 }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --soft: #a7aeb5; --line: #2c3136; --back: #15181b; --link: #7ab8ff; --code: #1d2125 } }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--back) }
  code, pre, .method { font-family: ui-monospace, monospace; font-size: 13px }
  pre { background: var(--code); padding: .6rem .8rem; overflow-x: auto; border-radius: 4px; margin: .4rem 0 }
  table { border-collapse: collapse; width: 100%; margin: .4rem 0 }
  td, th { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
  th { font-weight: 600; font-size: 13px; color: var(--soft) }
  h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2.4rem; border-bottom: 1px solid var(--line) }
  h3 { font-size: 1rem; margin: 1.6rem 0 .2rem } .method { font-weight: 700 }
  p { margin: .3rem 0 } .soft, summary { color: var(--soft) } a { color: var(--link); white-space: nowrap } nav { display: flex; flex-wrap: wrap; gap: 0 1rem }`

export const page = (
  title: string,
  body: string,
): string => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body>
${body}
</body></html>`
