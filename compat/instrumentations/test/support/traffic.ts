/** A request of the fixed sequence that every service is driven with. */
export interface Driven {
  readonly method: string
  readonly path: string
  /** Broken off once the answer has begun. */
  readonly isAborted?: boolean
}

export const BEFORE_THE_FLUSH: readonly Driven[] = [
  { method: 'GET', path: '/orders' },
  { method: 'GET', path: '/orders/17' },
  { method: 'GET', path: '/orders/18' },
  { method: 'GET', path: '/orders/none' },
  { method: 'POST', path: '/orders' },
  { method: 'PUT', path: '/orders' },
  { method: 'GET', path: '/broken' },
  { method: 'GET', path: '/endless', isAborted: true },
  { method: 'GET', path: '/relay/undici' },
]

export const AFTER_THE_FLUSH: readonly Driven[] = [
  { method: 'POST', path: '/orders' },
  { method: 'POST', path: '/orders' },
  { method: 'DELETE', path: '/orders/17' },
  { method: 'HEAD', path: '/orders' },
  // Not a method that the conventions know.
  { method: 'PURGE', path: '/orders' },
  { method: 'GET', path: '/nowhere' },
  { method: 'GET', path: '/relay/http' },
  { method: 'GET', path: '/relay/undici' },
  { method: 'GET', path: '/broken' },
]

/** Makes the requests one after the other, and reads each answer to its end. */
export async function drive(port: number, requests: readonly Driven[]): Promise<void> {
  for (const { method, path, isAborted = false } of requests) {
    const abortion = new AbortController()
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal: abortion.signal })
    if (isAborted) abortion.abort()
    else await response.arrayBuffer()
  }
}
