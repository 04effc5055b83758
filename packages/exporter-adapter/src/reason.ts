import { redact } from './redact.ts'

/** How deep causes and lists of errors are looked into: they may be circular. */
const DEEPEST = 4

/** What an exporter may give for an error. It need not be one: it may come from another realm, or be anything thrown. */
interface ErrorLike {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/**
 * What an error of an exporter says, in one line and {@link redact}ed: the only way in which such an error gets into logs,
 * stats and other errors. Its other properties (headers, bodies, configurations) are never looked at. Never throws.
 */
export function reasonOf(error: unknown): string {
  try {
    return redact(describe(error, DEEPEST))
  } catch {
    return 'an error that cannot be read'
  }
}

/** The first `code` of an error and its causes: a Node.js error name, an HTTP status or a gRPC code. Never throws. */
export function codeOf(error: unknown): string | number | undefined {
  try {
    let each = error
    for (let depth = 0; depth < DEEPEST && isObject(each); depth++) {
      const { code, cause } = each
      if (typeof code === 'string' || typeof code === 'number') return code
      each = cause
    }
  } catch {
    // A getter that throws says nothing.
  }
  return undefined
}

function describe(error: unknown, depth: number): string {
  if (!isObject(error)) return error === undefined ? 'no error was given' : String(error)
  const { name, message, code, errors } = error
  const words = typeof message === 'string' ? message : ''
  if (isHttpStatus(code) && !words.includes(String(code)))
    return words === '' ? `HTTP ${code}` : `HTTP ${code}: ${words}`
  if (words !== '') return words
  // Node.js leaves the message empty where several addresses were tried.
  if (Array.isArray(errors) && errors.length > 0 && depth > 0) {
    return errors.map((each: unknown) => describe(each, depth - 1)).join('; ')
  }
  if (typeof code === 'string' || typeof code === 'number') return String(code)
  return typeof name === 'string' && name !== '' ? name : 'an error without a message'
}

function isHttpStatus(code: unknown): code is number {
  return typeof code === 'number' && code >= 300 && code <= 599
}

function isObject(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null
}
