import { afterAll, beforeAll, expect, test } from 'vitest'
import { AcceptProxy } from '../support/accept-proxy.ts'
import { type FixedTarget, serveFixed } from '../support/fixed-target.ts'
import { isOfReservedLabel } from '../support/formats.ts'
import { describeWith } from '../support/installed.ts'
import { OpenMetricsParser } from '../support/openmetrics-parser.ts'
import { PrometheusServer } from '../support/prometheus-server.ts'
import { promtoolCheck } from '../support/promtool.ts'
import { DELIMITED_PROTOBUF, Pushgateway, TEXT_0_0_4 } from '../support/pushgateway.ts'

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

const GOOD = '# HELP a_total Of "all" \\\\ kinds\n# TYPE a_total counter\na_total{b="x\\n\\"\\\\é😀"} 1\n'
const GOOD_OPENMETRICS = `# TYPE a_seconds counter
# UNIT a_seconds seconds
# HELP a_seconds Time
a_seconds_total{b="x\\n"} 1 # {trace_id="abc"} 0.5
# TYPE h histogram
h_bucket{le="1.0"} 1
h_bucket{le="+Inf"} 2
h_count 2
h_sum 4.5
# TYPE g gauge
g NaN
# EOF
`

// What nobody who reads text 0.0.4 may accept.
const BAD_TEXT: Record<string, string> = {
  'a TYPE after its samples': 'a 1\n# TYPE a gauge\n',
  'a TYPE that comes twice': '# TYPE a gauge\na 1\n# TYPE a gauge\n',
  'an unknown escape': 'a{b="\\x"} 1\n',
  'a quote that is not escaped': 'a{b="x"y"} 1\n',
  'a label that starts with a digit': 'a{1b="x"} 1\n',
  'a name with a dot': 'a.b 1\n',
  'a label with an empty name': 'a{="x"} 1\n',
  'a label that comes twice': 'a{b="x",b="y"} 1\n',
}

describeWith(['promtool'], 'promtool', () => {
  test('accepts what is right', async () => {
    expect(await promtoolCheck(GOOD)).toEqual({ errors: [], lint: [] })
  })

  test('tells what is unusual from what is wrong', async () => {
    const { errors, lint } = await promtoolCheck('# TYPE a counter\na 1\n')
    expect(errors).toEqual([])
    expect(lint).toContainEqual(expect.stringContaining('should have "_total" suffix'))
  })

  // It is the Pushgateway that looks at labels as a whole.
  const overlooked = ['a label that comes twice']
  test.each(Object.keys(BAD_TEXT).filter((bad) => !overlooked.includes(bad)))('refuses %s', async (bad) => {
    expect((await promtoolCheck(BAD_TEXT[bad]!)).errors).not.toEqual([])
  })
})

describeWith(['prometheus-pushgateway'], 'the Pushgateway', () => {
  let gateway: Pushgateway
  beforeAll(async () => {
    gateway = await Pushgateway.start()
  })
  afterAll(() => gateway?.stop())

  const bad: Record<string, string> = {
    ...BAD_TEXT,
    'a series that comes twice': 'a{b="x"} 1\na{b="x"} 2\n',
    'a series whose labels come in another order': 'a{b="x",c="y"} 1\na{c="y",b="x"} 1\n',
  }

  test('accepts what is right, and the next that has other types', async () => {
    expect(await gateway.push(GOOD)).toBeUndefined()
    expect(await gateway.push('# TYPE a_total gauge\na_total 1\n')).toBeUndefined()
  })

  test.each(Object.keys(bad))('refuses %s', async (name) => {
    expect(await gateway.push(bad[name]!, TEXT_0_0_4)).toBeTypeOf('string')
  })

  test('is told from its refusal when it is only of a label that is reserved', async () => {
    const reserved = await gateway.push('a{__b="x"} 1\n')
    expect(isOfReservedLabel(`Pushgateway: ${reserved}`)).toBe(true)
    const more = await gateway.push('a{__b="x"} 1\na{__b="x"} 1\n')
    expect(isOfReservedLabel(`Pushgateway: ${more}`)).toBe(false)
    expect(isOfReservedLabel(`Pushgateway: ${await gateway.push('a 1\na 1\n')}`)).toBe(false)
  })

  test('reads protobuf, and refuses a series that comes twice there and bytes that are none', async () => {
    const once = gaugeFamily('a', [1])
    const twice = gaugeFamily('a', [1, 2])
    expect(await gateway.push(once, DELIMITED_PROTOBUF)).toBeUndefined()
    expect(await gateway.push(twice, DELIMITED_PROTOBUF)).toBeTypeOf('string')
    expect(await gateway.push(once.subarray(0, -1), DELIMITED_PROTOBUF)).toBeTypeOf('string')
  })
})

describeWith(['prometheus_client for Python'], 'the OpenMetrics parser', () => {
  let parser: OpenMetricsParser
  beforeAll(() => {
    parser = new OpenMetricsParser()
  })
  afterAll(() => parser?.stop())

  const bad: Record<string, string> = {
    'a text without # EOF': 'a 1\n',
    'a line after # EOF': '# EOF\na 1\n',
    'a TYPE after its samples': 'a 1\n# TYPE a gauge\n# EOF\n',
    'a TYPE that comes twice': '# TYPE a gauge\n# TYPE a gauge\na 1\n# EOF\n',
    'a family that comes twice': '# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{c="d"} 1\n# EOF\n',
    'a series that comes twice in a row': 'a{b="x"} 1\na{b="x"} 1\n# EOF\n',
    'a series that comes twice': 'a{b="x"} 1\na{b="y"} 1\na{b="x"} 1\n# EOF\n',
    'an unknown escape in a label': 'a{b="\\x"} 1\n# EOF\n',
    'an unknown escape in a HELP': '# HELP a \\x\na 1\n# EOF\n',
    'a label that comes twice': 'a{b="x",b="y"} 1\n# EOF\n',
    'a counter without _total': '# TYPE a counter\na 1\n# EOF\n',
    'a unit that the name does not end with': '# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n',
    'a histogram without +Inf': '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_count 1\nh_sum 1\n# EOF\n',
    'an exemplar of a gauge': '# TYPE a gauge\na 1 # {} 1\n# EOF\n',
    'a name with a dot': 'a.b 1\n# EOF\n',
  }

  test.each(Object.keys(bad))('refuses %s', async (name) => {
    expect(await parser.complaintAbout(bad[name]!)).toBeTypeOf('string')
  })

  test('gives back what is in a text', async () => {
    const families = await parser.parse(GOOD_OPENMETRICS)
    expect(families).toMatchObject([
      {
        name: 'a_seconds',
        type: 'counter',
        unit: 'seconds',
        help: 'Time',
        samples: [
          {
            name: 'a_seconds_total',
            labels: { b: 'x\n' },
            value: 1,
            exemplar: { labels: { trace_id: 'abc' }, value: 0.5 },
          },
        ],
      },
      { name: 'h', type: 'histogram', samples: [{ labels: { le: '1.0' } }, {}, { value: 2 }, { value: 4.5 }] },
      { name: 'g', type: 'gauge', samples: [{ value: Number.NaN }] },
    ])
  })

  test('answers many in their order, and goes on after an error', async () => {
    const texts = Array.from({ length: 500 }, (_, i) => `# TYPE a gauge\na ${i}\n${i % 2 === 0 ? '# EOF\n' : ''}`)
    const answers = await Promise.allSettled(texts.map((text) => parser.parse(text)))
    answers.forEach((answer, i) => {
      if (i % 2 === 0) expect(answer).toMatchObject({ value: [{ samples: [{ value: i }] }] })
      else expect(answer.status).toBe('rejected')
    })
  })
})

describeWith(['prometheus'], 'Prometheus', () => {
  const opened: { close(): Promise<void> }[] = []
  const served = async (text: string, contentType: string): Promise<FixedTarget> => {
    const target = await serveFixed(text, contentType)
    opened.push(target)
    return target
  }
  let prometheus: PrometheusServer
  let proxy: AcceptProxy
  beforeAll(async () => {
    const good = await served(GOOD_OPENMETRICS, OPENMETRICS)
    proxy = await AcceptProxy.start(good.url, 'text/plain')
    opened.push(proxy)
    const urls = {
      good: proxy.url,
      'no end': (await served('a 1\n', OPENMETRICS)).url,
      'name with a dot': (await served('a.b 1\n', TEXT_0_0_4)).url,
      // Nobody else sees that.
      'a bucket with le twice': (await served('# TYPE h histogram\nh_bucket{le="5",le="+Inf"} 1\n', TEXT_0_0_4)).url,
      'a series that comes twice': (await served('a 1\nb 1\na 2\n', TEXT_0_0_4)).url,
      'no protobuf': (await served('a 1\n', DELIMITED_PROTOBUF)).url,
    }
    prometheus = await PrometheusServer.start({ targets: urls })
  })
  afterAll(async () => {
    await prometheus?.stop()
    await Promise.all(opened.splice(0).map((target) => target.close()))
  })

  // It is more lenient than the others: it reads an unknown escape, and a series that comes twice.
  test('tells what it cannot read from what it can', async () => {
    await prometheus.untilValue('max_over_time(up{job="good"}[1m])', (up) => up === 1)
    const isPending = async () => (await prometheus.targets()).some(({ health }) => health === 'unknown')
    await expect.poll(isPending, { timeout: 5000 }).toBe(false)
    const targets = await prometheus.targets()
    expect(Object.fromEntries(targets.map(({ scrapePool, health }) => [scrapePool, health]))).toEqual({
      good: 'up',
      'no end': 'down',
      'name with a dot': 'down',
      'a series that comes twice': 'up',
      'a bucket with le twice': 'down',
      'no protobuf': 'down',
    })
    for (const { health, lastError } of targets) expect(lastError === '').toBe(health === 'up')
  })

  test('answers with values, types, units and exemplars', async () => {
    await prometheus.untilValue('a_seconds_total', (value) => value === 1)
    expect(await prometheus.metadata('a_seconds')).toMatchObject([{ type: 'counter', unit: 'seconds', help: 'Time' }])
    expect(await prometheus.queryExemplars('a_seconds_total')).toMatchObject([
      { seriesLabels: { job: 'good' }, exemplars: [{ labels: { trace_id: 'abc' }, value: '0.5' }] },
    ])
  })

  test('is made to tell that a series came twice', async () => {
    await expect.poll(() => prometheus.samplesTooMany()).toEqual({ 'a series that comes twice': 1 })
  })

  test('is seen through the proxy that changes what it accepts', () => {
    expect(proxy.contentType).toBe(OPENMETRICS)
  })
})

/** A delimited `io.prometheus.client.MetricFamily` of gauges without labels. */
function gaugeFamily(name: string, values: readonly number[]): Buffer {
  const GAUGE = 1
  const metrics = values.map((value) => {
    const double = Buffer.alloc(9)
    double[0] = (1 << 3) | 1
    double.writeDoubleLE(value, 1)
    return lengthDelimited(4, lengthDelimited(2, double))
  })
  const family = Buffer.concat([lengthDelimited(1, Buffer.from(name)), Buffer.from([3 << 3, GAUGE]), ...metrics])
  return Buffer.concat([Buffer.from([family.length]), family])
}

function lengthDelimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, content.length]), content])
}
