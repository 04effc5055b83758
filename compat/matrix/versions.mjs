import { readFileSync } from 'node:fs'

const workspace = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** The newest Node.js of each line that every platform's npm package has. */
export const NODE = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' }

/**
 * The SDKs promised, and the oldest of each major, which only appears beside the other: as the copy our packages resolve
 * while something else in the tree brings a newer one. An exporter pins its SDK exactly, so the two go in pairs.
 */
export const SDK = {
  '2.12.0': { api: '1.9.0', prometheus: '0.223.0' },
  '3.1.0': { api: '1.10.0', prometheus: '0.301.0' },
}
export const OLDEST_SDK = {
  '2.12.0': { sdk: '2.0.0', prometheus: '0.200.0' },
  '3.1.0': { sdk: '3.0.0', prometheus: '0.300.0' },
}

export const ESBUILD = '0.28.2'
/** The compiler of the workspace, and the last of the line that most users are on. */
export const TYPESCRIPT = { workspace: workspace.devDependencies.typescript, older: '5.9.3' }
export const NODE_TYPES = workspace.devDependencies['@types/node']
