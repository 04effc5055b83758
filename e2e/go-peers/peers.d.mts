export type Peer = 'prometheus' | 'otelcol'

/** Paths of the programs, built or not. */
export const PEERS: Readonly<Record<Peer, string>>

export function isBuilt(peer: Peer): boolean
