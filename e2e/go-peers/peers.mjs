import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Modules of the Prometheus project count v3.16.0 as v0.316.0. */
export const PROMETHEUS = 'v0.316.0'
/** Of the components that are not stable yet, and of those that are. */
export const COLLECTOR = { unstable: 'v0.165.0', stable: 'v1.71.0' }

// All that a build depends on is in its name, so that a new version is built anew and an old one stays for its branch.
const folder = join(cacheFolder(), 'sluice', 'go-peers', `prometheus-${PROMETHEUS}-otelcol-${COLLECTOR.unstable}`)
const suffix = process.platform === 'win32' ? '.exe' : ''

export const PEERS = {
  prometheus: join(folder, `prometheus${suffix}`),
  otelcol: join(folder, `otelcol${suffix}`),
}

export const GO_PEERS_FOLDER = folder

export function isBuilt(peer) {
  return existsSync(PEERS[peer])
}

/** The `go` to build with, on the PATH or where its installer puts it; `undefined` where there is none. */
export function findGo() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin']
  return folders.map((each) => join(each, `go${suffix}`)).find((path) => existsSync(path))
}

function cacheFolder() {
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME
  if (process.platform === 'win32') return process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  return join(homedir(), '.cache')
}
