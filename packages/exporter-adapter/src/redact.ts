/** How long a reason may be, in characters: enough for what a server says, too little for what it echoes. */
const LONGEST = 300

const REDACTED = '[redacted]'

/**
 * What messages of exporters are known to carry that no log may: each pattern with what is put in its place. Bodies go
 * first, up to the end of the message, because nobody can say where they stop. Where it is not clear whether something is a
 * secret, it is one. Every quantifier before an anchor is bounded, so that a long message costs time in proportion.
 */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Bodies: JSON, markup, and whatever is announced as one.
  [/[{[]\s*["'{[][\s\S]*$/, REDACTED],
  [/<(?:!doctype|\?xml|[a-z][a-z0-9]{0,20}[\s>])[\s\S]*$/i, REDACTED],
  [/\b((?:request |response )?(?:body|payload)["']?\s{0,5}[:=])[\s\S]*$/i, `$1 ${REDACTED}`],
  // Node.js and grpc-js quote the value that they do not like.
  [/"[^"]*"(?= is an invalid header value| is not valid JSON)/g, REDACTED],
  [/(Metadata string value )"[^"]*"/gi, `$1${REDACTED}`],
  // URLs: user and password, and queries, where keys are.
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#]*@/gi, `$1${REDACTED}@`],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s?#"']{0,300}\?)[^\s"']*/gi, `$1${REDACTED}`],
  // Headers and settings by name, up to the end of the line or of the quotation.
  [
    /\b([a-z0-9_-]{0,40}(?:authorization|cookie|api[-_]?key|token|secret|password|passwd|credentials?)["']?\s{0,5}[:=]\s{0,5}["']?)[^\r\n"'}]+/gi,
    `$1${REDACTED}`,
  ],
  [/\b(Bearer|Basic|Digest)\s{1,5}[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
]

/** A message of an exporter as it may be logged: one line, not too long, without user names, keys, headers and bodies. */
export function redact(message: string): string {
  let text = message
  for (const [pattern, replacement] of SECRETS) text = text.replace(pattern, replacement)
  text = text.replace(/\s+/g, ' ').trim()
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
