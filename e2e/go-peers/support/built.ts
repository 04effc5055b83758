import { describeWhere } from '../../../packages/processor/test/support/describe-where.ts'
import { isBuilt, type Peer } from '../peers.mjs'

/**
 * As `describe`, but skipped where a program is not built, with the reason printed. With `SLUICE_GO_PEERS_REQUIRED=1` in the
 * environment it is a failure.
 */
export function describeWithPeers(peers: readonly Peer[], name: string, body: () => void): void {
  const absent = peers.filter((peer) => !isBuilt(peer))
  const build = 'where Go is installed: node e2e/go-peers/build.mjs'
  const reason = absent.length === 0 ? undefined : `${absent.join(' and ')} not built; ${build}`
  describeWhere(reason, name, body, process.env.SLUICE_GO_PEERS_REQUIRED === '1')
}
