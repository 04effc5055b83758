import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inTurn, runNpm } from './child.mjs'
import { ESBUILD, NODE_TYPES, OLDEST_SDK, SDK, TYPESCRIPT } from './versions.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** @type {string | undefined} */
let workFolder

/** The path of a new folder in which everything of this run lies but the Node.js binaries. */
export function newFolder(name) {
  workFolder ??= mkdtempSync(join(tmpdir(), 'sluice-matrix-'))
  const folder = join(workFolder, name)
  mkdirSync(folder)
  return folder
}

export function removeWorkFolder() {
  if (workFolder !== undefined) rmSync(workFolder, { recursive: true, force: true, maxRetries: 3 })
}

/** @param {string} folder with a package.json that pins what is wanted */
export function npmInstall(folder) {
  return runNpm(
    'npm',
    [
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--no-save',
      '--ignore-scripts',
      // A folder is installed like a package of the registry, with its dependencies below it, and not as a link.
      '--install-links',
    ],
    { cwd: folder },
  )
}

/** Our packages as they would be published: `{ name: 'file:…' }`. */
const packed = once(async () => {
  const folder = newFolder('packed')
  const names = ['processor', 'exporter-adapter']
  await Promise.all(
    names.map((name) =>
      inTurn(() =>
        runNpm(
          'npx',
          ['--yes', 'pnpm@10.34.9', '--dir', join(root, 'packages', name), 'pack', '--pack-destination', folder],
          { cwd: root },
        ),
      ),
    ),
  )
  const tarballs = readdirSync(folder)
  return Object.fromEntries(
    names.map((name) => {
      const tarball = tarballs.find((file) => file.startsWith(`otel-sluice-${name}-`))
      return [`@otel-sluice/${name}`, `file:${join(folder, tarball)}`]
    }),
  )
})

/** @type {Map<string, () => Promise<string>>} */
const installed = new Map()

/**
 * A folder under which a user would have our packages and this SDK in one copy.
 *
 * @param {string} sdk
 * @returns {Promise<string>}
 */
export function oneCopy(sdk) {
  const { api, prometheus } = SDK[sdk]
  return tree(`sdk-${sdk}`, async () => ({
    ...(await packed()),
    '@opentelemetry/api': api,
    '@opentelemetry/sdk-metrics': sdk,
    '@opentelemetry/exporter-prometheus': prometheus,
    '@types/node': NODE_TYPES,
  }))
}

/**
 * A folder where our packages resolve the oldest SDK of the major, which `prometheus-of-the-same-copy` shares, while
 * `@opentelemetry/exporter-prometheus` and `telemetry-kit` nest this one.
 *
 * @param {string} sdk
 * @returns {Promise<string>}
 */
export function twoCopies(sdk) {
  const { api, prometheus } = SDK[sdk]
  const oldest = OLDEST_SDK[sdk]
  return tree(
    `two-copies-${sdk}`,
    async () => ({
      ...(await packed()),
      '@opentelemetry/api': api,
      '@opentelemetry/sdk-metrics': oldest.sdk,
      '@opentelemetry/exporter-prometheus': prometheus,
      'prometheus-of-the-same-copy': `npm:@opentelemetry/exporter-prometheus@${oldest.prometheus}`,
      'telemetry-kit': 'file:telemetry-kit',
      '@types/node': NODE_TYPES,
    }),
    (folder) => {
      const kit = join(folder, 'telemetry-kit')
      cpSync(join(here, 'telemetry-kit'), kit, { recursive: true })
      const dependencies = { '@opentelemetry/sdk-metrics': sdk }
      writePackage(kit, { name: 'telemetry-kit', version: '1.0.0', main: 'index.cjs', dependencies })
    },
  )
}

/** A folder with esbuild. */
export function bundler() {
  return tree('bundler', async () => ({ esbuild: ESBUILD }))
}

/** A folder with the older TypeScript. */
export function olderTypeScript() {
  return tree('older-typescript', async () => ({ typescript: TYPESCRIPT.older }))
}

/** The workspace, which has the TypeScript that builds the packages. */
export async function workspace() {
  return root
}

function tree(name, dependenciesOf, prepare = () => {}) {
  let install = installed.get(name)
  if (install === undefined) {
    install = once(async () => {
      const dependencies = await dependenciesOf()
      const folder = newFolder(name)
      writePackage(folder, { private: true, dependencies })
      cpSync(join(here, 'programs'), join(folder, 'programs'), { recursive: true })
      prepare(folder)
      await inTurn(() => npmInstall(folder))
      return folder
    })
    installed.set(name, install)
  }
  return install()
}

function writePackage(folder, content) {
  writeFileSync(join(folder, 'package.json'), JSON.stringify(content, undefined, 2))
}

/**
 * @template T
 * @param {() => Promise<T>} make
 * @returns {() => Promise<T>}
 */
function once(make) {
  /** @type {Promise<T> | undefined} */
  let made
  return () => {
    made ??= make()
    return made
  }
}
