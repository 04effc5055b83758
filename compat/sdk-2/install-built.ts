import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The packages of ours, in `packages/` and in `@otel-sluice/`. */
const OURS = ['processor', 'exporter-adapter']

const here = fileURLToPath(new URL('.', import.meta.url))

/**
 * Copies our packages, as they are built, to where an installation would put them for this package.
 *
 * A workspace link will not do: Node.js follows it to `packages/`, and resolves the SDK from there, which is another
 * version than the one of this package.
 */
export function installBuilt(): void {
  for (const name of OURS) {
    const from = join(here, '../../packages', name)
    const to = join(here, 'node_modules/@otel-sluice', name)
    if (!existsSync(join(from, 'dist/index.js'))) throw new Error(`packages/${name} is not built; run the build first`)
    // A run that is under way may be reading the copy.
    if (contentsOf(from) === contentsOf(to)) continue
    rmSync(to, { recursive: true, force: true })
    for (const entry of ['package.json', 'dist']) cpSync(join(from, entry), join(to, entry), { recursive: true })
  }
}

function contentsOf(packageDirectory: string): string {
  const dist = join(packageDirectory, 'dist')
  if (!existsSync(dist)) return ''
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).sort()
  const scripts = files.filter((file) => file.endsWith('.js')).map((file) => join(dist, file))
  return [join(packageDirectory, 'package.json'), ...scripts]
    .map((file) => `${file.slice(packageDirectory.length)}\n${readFileSync(file, 'utf8')}`)
    .join('\n')
}
