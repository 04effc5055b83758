// Builds a current Prometheus and an OpenTelemetry Collector, once: the next run finds them. Where there is no Go it says so,
// and the tests are skipped; with SLUICE_GO_PEERS_REQUIRED=1 it fails.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { COLLECTOR, findGo, GO_PEERS_FOLDER, isBuilt, PEERS, PROMETHEUS } from './peers.mjs'

/** Leaves out service discovery in every cloud, which is most of what there is to compile. */
const TAGS = '-tags=remove_all_sd'

const BUILDS = {
  prometheus: {
    what: `Prometheus ${PROMETHEUS}`,
    run: (go, folder) =>
      go(['install', TAGS, `github.com/prometheus/prometheus/cmd/prometheus@${PROMETHEUS}`], { GOBIN: folder }),
  },
  otelcol: {
    what: `an OpenTelemetry Collector ${COLLECTOR.unstable}`,
    run: (go, folder) => {
      const sources = join(folder, 'sources')
      const manifest = join(folder, 'manifest.json')
      writeFileSync(manifest, JSON.stringify(manifestFor(sources)))
      const builder = `go.opentelemetry.io/collector/cmd/builder@${COLLECTOR.unstable}`
      go(['run', builder, `--config=${manifest}`, '--skip-compilation'])
      // Not by the builder, which has flags and tags of its own: with these, both programs share what is compiled.
      go(['-C', sources, 'build', TAGS, '-o', join(folder, basename(PEERS.otelcol)), '.'])
    },
  },
}

/** The least that the tests need. JSON is YAML, too. */
function manifestFor(sources) {
  const core = (path, version = COLLECTOR.unstable) => ({ gomod: `go.opentelemetry.io/collector/${path} ${version}` })
  const contrib = (path) => ({
    gomod: `github.com/open-telemetry/opentelemetry-collector-contrib/${path} ${COLLECTOR.unstable}`,
  })
  return {
    dist: { name: 'otelcol', module: 'sluice.invalid/otelcol', output_path: sources },
    receivers: [core('receiver/otlpreceiver'), contrib('receiver/prometheusreceiver')],
    exporters: [core('exporter/otlphttpexporter')],
    // It does not start without the one for the environment.
    providers: ['file', 'env'].map((scheme) => core(`confmap/provider/${scheme}provider`, COLLECTOR.stable)),
  }
}

/** Runs a command of Go with more in its environment, and shows what it says. */
function runner(go) {
  // The builder looks for `go` on the PATH.
  const PATH = `${dirname(go)}${delimiter}${process.env.PATH}`
  return (args, environment = {}) => {
    const { status, error } = spawnSync(go, args, { stdio: 'inherit', env: { ...process.env, PATH, ...environment } })
    if (status !== 0) throw new Error(`go ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}`)
  }
}

function build(go, peer) {
  const { what, run } = BUILDS[peer]
  console.log(`Building ${what}: minutes on a small machine, and only once`)
  const start = performance.now()
  mkdirSync(GO_PEERS_FOLDER, { recursive: true })
  // Moved into place when it is whole, so that a build that was cut short leaves nothing half.
  const partial = mkdtempSync(join(GO_PEERS_FOLDER, 'partial-'))
  try {
    run(runner(go), partial)
    renameSync(join(partial, basename(PEERS[peer])), PEERS[peer])
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  console.log(`Built ${PEERS[peer]} in ${Math.round((performance.now() - start) / 1000)} s`)
}

const isRequired = process.env.SLUICE_GO_PEERS_REQUIRED === '1'
const missing = Object.keys(PEERS).filter((peer) => !isBuilt(peer))
const go = findGo()
if (missing.length > 0 && go === undefined) {
  console.error(
    `${missing.join(' and ')} cannot be built: there is no Go, neither on the PATH nor in /usr/local/go/bin`,
  )
  if (isRequired) process.exitCode = 1
} else {
  // One that does not build leaves the tests of the other.
  for (const peer of missing) {
    try {
      build(go, peer)
    } catch (error) {
      console.error(`${BUILDS[peer].what} could not be built: ${error.message}`)
      if (isRequired) process.exitCode = 1
    }
  }
}
