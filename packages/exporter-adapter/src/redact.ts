/** How long a reason may be, in characters: enough for what a server says, too little for what it echoes. */
const LONGEST = 300

const REDACTED = '[redacted]'

/**
 * What messages of exporters are known to carry that no log may: each pattern with what is put in its place. Bodies go
 * first, up to the end of the message, because nobody can say where they stop. Where it is not clear whether something is a
 * secret, it is one. Every quantifier before an anchor is bounded, so that a long message costs time in proportion.
 */
const SECRETS: readonly (readonly [RegExp, string | typeof withoutUser])[] = [
  // Bodies: JSON, markup, and whatever is announced as one.
  [/[{[]\s*["'{[][\s\S]*$/, REDACTED],
  [/<(?:!doctype|\?xml|[a-z][a-z0-9]{0,20}[\s>])[\s\S]*$/i, REDACTED],
  [/\b((?:request |response )?(?:body|payload)["']?\s{0,5}[:=])[\s\S]*$/i, `$1 ${REDACTED}`],
  // Node.js and grpc-js quote the value that they do not like.
  [/"[^"]*"(?= is an invalid header value| is not valid JSON)/g, REDACTED],
  [/(Metadata string value )"[^"]*"/gi, `$1${REDACTED}`],
  // URLs: user and password, and queries, where keys are.
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)(\S+)/gi, withoutUser],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s?#"']{0,300}\?)[^\s"']*/gi, `$1${REDACTED}`],
  // The same where the scheme is left out. Only from the start of a word on, so that each is read once.
  [/(?<!\S)[^\s:@]+:(?!\/\/)\S+@/g, `${REDACTED}@`],
  // Headers and settings by name, up to the end of the line or of the quotation.
  [
    /\b([a-z0-9_-]{0,40}(?:authorization|cookie|api[-_]?key|token|secret|password|passwd|credentials?|[-_]key|[-_]team)["']?\s{0,5}[:=]\s{0,5}["']?)[^\r\n"'}]+/gi,
    `$1${REDACTED}`,
  ],
  // The same beside their value: a quotation, or a word that no message would use.
  [
    /\b([a-z0-9_-]{0,40}(?:[-_](?:key|token|team|secret)|apikey|authorization|cookie|passw(?:or)?d)\s{1,5})(?:(["'])[^"'\r\n]+|(?=[^\s"']{0,40}\d|[^\s"']{20})[^\s"']+)/gi,
    `$1$2${REDACTED}`,
  ],
  [/(?<![\w-])(Api-Token|ApiKey)\s{1,5}[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\b(Bearer|Basic|Digest)\s{1,5}[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
]

/** What follows the scheme of a URL. A password may hold any character, as may a query: it is not clear where one ends. */
function withoutUser(_url: string, scheme: string, rest: string): string {
  const end = rest.lastIndexOf('@')
  if (end === -1) return scheme + rest
  return scheme + (/[?#]/.test(rest.slice(0, end)) ? REDACTED : REDACTED + rest.slice(end))
}

/** A message of an exporter as it may be logged: one line, not too long, without user names, keys, headers and bodies. */
export function redact(message: string): string {
  let text = message
  // `replace` takes either kind, but is not declared for a union of the two.
  for (const [pattern, replacement] of SECRETS) text = text.replace(pattern, replacement as string)
  text = text.replace(/\s+/g, ' ').trim()
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
