export const throwing = (): never => {
  throw new Error('no')
}

/** A proxy that throws at every touch. */
export const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** A copy with a property that throws when it is read. */
export const throwingAt = <T extends object>(property: string, object?: T): T =>
  Object.defineProperty({ ...object } as T, property, { get: throwing, enumerable: true })
