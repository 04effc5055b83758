import { describe, test } from 'vitest'
import { isBuilt, type Peer } from '../peers.mjs'

/**
 * As `describe`, but skipped where a program is not built, with the reason printed. With `SLUICE_GO_PEERS_REQUIRED=1` in the
 * environment it is a failure.
 */
export function describeWithPeers(peers: readonly Peer[], name: string, body: () => void): void {
  const absent = peers.filter((peer) => !isBuilt(peer))
  if (absent.length === 0) {
    describe(name, body)
    return
  }
  const reason = `${absent.join(' and ')} not built; where Go is installed: node e2e/go-peers/build.mjs`
  if (process.env.SLUICE_GO_PEERS_REQUIRED === '1') {
    test(`${name}: needs what is not built`, () => {
      throw new Error(reason)
    })
    return
  }
  process.stderr.write(`skipped: ${name}: ${reason}\n`)
  describe.skip(`${name} (${reason})`, body)
}
