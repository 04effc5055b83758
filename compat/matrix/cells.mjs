import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ChildFailure, inTurn, run } from './child.mjs'
import { bundler, newFolder, olderTypeScript, oneCopy, twoCopies, workspace } from './install.mjs'
import { nodeBinary } from './node-binary.mjs'
import { NODE, OLDEST_SDK, TYPESCRIPT } from './versions.mjs'

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {boolean} corner whether CI runs it, too
 * @property {() => Promise<void>} run rejects when it fails
 */

const OURS = ['@otel-sluice/processor', '@otel-sluice/exporter-adapter']
const PROMETHEUS = '@opentelemetry/exporter-prometheus'
const EXTENSION = { esm: 'mjs', cjs: 'cjs' }
const FORMATS = /** @type {const} */ (['esm', 'cjs'])

/** Where each SDK is promised, the oldest Node.js first. */
const LINES = { '2.12.0': [20, 22, 24, 26], '3.1.0': [22, 24, 26] }
/** The extremes: SDK 2 on the oldest Node.js, SDK 3 on the newest. */
const CORNERS = { '2.12.0': 20, '3.1.0': 26 }
/** Requiring our packages from a .cts file is allowed or not by what package.json says of them. */
const RESOLUTIONS = {
  'nodenext esm': { module: 'nodenext', moduleResolution: 'nodenext', file: 'consumer.mts' },
  'nodenext cjs': { module: 'nodenext', moduleResolution: 'nodenext', file: 'consumer.cts' },
  bundler: { module: 'preserve', moduleResolution: 'bundler', file: 'consumer.ts' },
}
const SDKS = Object.keys(LINES)

/** @type {Cell[]} */
export const cells = [...services(), ...consumers(), ...mixtures(), ...bundles()]

function services() {
  return SDKS.flatMap((sdk) =>
    LINES[sdk].flatMap((line) =>
      FORMATS.map((format) => ({
        name: `node ${line} x SDK ${sdk} x ${format}`,
        corner: CORNERS[sdk] === line,
        run: async () => {
          const tree = await oneCopy(sdk)
          await runProgram(line, `service.${EXTENSION[format]}`, join(tree, 'programs'), {
            '.': sdk,
            [PROMETHEUS]: sdk,
            ...ours(sdk),
          })
        },
      })),
    ),
  )
}

/** TypeScript users, whose module resolution decides what they see of our types. */
function consumers() {
  const compilers = [
    { version: TYPESCRIPT.workspace, isWorkspace: true, folder: workspace },
    { version: TYPESCRIPT.older, isWorkspace: false, folder: olderTypeScript },
  ]
  return compilers.flatMap(({ version, isWorkspace, folder }) =>
    Object.entries(RESOLUTIONS).flatMap(([resolution, { file, ...options }]) => {
      const trees = SDKS.map((sdk) => ({ from: `SDK ${sdk}`, tree: () => oneCopy(sdk) }))
      // Classes with private members of two copies are two types; where ours meet another copy's, both constructors have to bear it.
      for (const sdk of isWorkspace ? SDKS : []) {
        trees.push({ from: `two copies: ours ${OLDEST_SDK[sdk].sdk}, the exporter ${sdk}`, tree: () => twoCopies(sdk) })
      }
      return trees.map(({ from, tree }) => ({
        name: `TypeScript ${version} x ${resolution} x ${from}`,
        corner: isWorkspace && resolution !== 'bundler',
        run: async () => {
          const [where, compiler] = await Promise.all([tree(), folder()])
          const cwd = join(where, `types ${version} ${resolution}`)
          mkdirSync(cwd)
          cpSync(fileURLToPath(new URL('types/consumer.ts', import.meta.url)), join(cwd, file))
          writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify(strict(options, file)))
          const tsc = join(compiler, 'node_modules', 'typescript', 'bin', 'tsc')
          await inTurn(() => run(process.execPath, [tsc, '--noEmit', '-p', '.'], { cwd }))
        },
      }))
    }),
  )
}

function strict(options, file) {
  return {
    compilerOptions: {
      ...options,
      target: 'es2022',
      lib: ['es2022'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      // Our declarations are checked as well.
      skipLibCheck: false,
    },
    files: [file],
  }
}

function mixtures() {
  return SDKS.flatMap((sdk) => {
    const oldest = OLDEST_SDK[sdk].sdk
    const line = CORNERS[sdk]
    const directions = [
      { who: 'exporter', others: { [PROMETHEUS]: sdk } },
      { who: 'provider', others: { 'prometheus-of-the-same-copy': oldest } },
    ]
    return directions.flatMap(({ who, others }) =>
      FORMATS.map((format) => ({
        name: `two copies: ours ${oldest}, the ${who} ${sdk} x node ${line} x ${format}`,
        corner: true,
        run: async () => {
          const tree = await twoCopies(sdk)
          await runProgram(line, `${who}-nests.${EXTENSION[format]}`, join(tree, 'programs'), {
            '.': oldest,
            'telemetry-kit': sdk,
            ...others,
            ...ours(oldest),
          })
        },
      })),
    )
  })
}

function bundles() {
  return SDKS.flatMap((sdk) =>
    FORMATS.map((format) => ({
      name: `esbuild ${format} x node ${CORNERS[sdk]} x SDK ${sdk}`,
      corner: true,
      run: async () => {
        const [tree, esbuild] = await Promise.all([oneCopy(sdk), bundler()])
        // Run from a folder above which nothing is installed: what was not bundled is missed.
        const output = newFolder(`bundle-${sdk}-${format}`)
        const file = `service.${EXTENSION[format]}`
        await inTurn(() =>
          run(
            process.execPath,
            [
              join(esbuild, 'node_modules', 'esbuild', 'bin', 'esbuild'),
              join('programs', 'bundled.mjs'),
              '--bundle',
              '--platform=node',
              '--minify',
              '--log-level=warning',
              `--format=${format}`,
              `--outfile=${join(output, file)}`,
              // What esbuild asks of everyone who bundles CommonJS, as SDK 2 is, into ESM.
              ...(format === 'esm'
                ? ["--banner:js=import{createRequire}from'node:module';const require=createRequire(import.meta.url)"]
                : []),
            ],
            { cwd: tree },
          ),
        )
        await runProgram(CORNERS[sdk], file, output)
      },
    })),
  )
}

/** Runs one of the programs and makes sure that it came to its end. */
async function runProgram(line, file, cwd, expectedSdks) {
  const binary = await nodeBinary(line)
  const args = [file, NODE[line], ...(expectedSdks === undefined ? [] : [JSON.stringify(expectedSdks)])]
  const output = await inTurn(() => run(binary, args, { cwd }))
  // A program that waits for ever for a promise ends as well, and with success, once nothing else keeps it alive.
  if (!output.trimEnd().endsWith('completed')) throw new ChildFailure('ended before its end', output)
}

function ours(sdk) {
  return Object.fromEntries(OURS.map((name) => [name, sdk]))
}
