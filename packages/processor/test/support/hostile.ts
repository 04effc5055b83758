export const throwing = (): never => {
  throw new Error('no')
}

/** A proxy that throws at every touch. */
export const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}
