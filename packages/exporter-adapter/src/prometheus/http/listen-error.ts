import { codeOf, reasonOf } from '../../reason.ts'

const WHY = new Map<unknown, string>([
  ['EADDRINUSE', 'something listens there already'],
  ['EACCES', 'this process may not use that port'],
  ['EADDRNOTAVAIL', 'no interface of this machine has that address'],
])

/** An error that says where it was not possible to listen, and why; with the one of Node.js as its cause. */
export function listenError(name: string, host: string, port: number, cause: unknown): Error {
  const code = codeOf(cause)
  const why = WHY.get(code)
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const reason = why === undefined ? reasonOf(cause) : `${why} (${code})`
  return new Error(`${name}: cannot listen on ${place}: ${reason}`, { cause })
}
