/** One line of samples. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: string
}

export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly help: string | undefined
  readonly unit: string | undefined
  readonly samples: Sample[]
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['', '_total', '_created'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  info: ['_info'],
}

/**
 * Reads the text formats, knowing nothing of how they were written, and stricter than Prometheus: every sample belongs to the
 * family that was named last, no family and no series comes twice, buckets never fall, OpenMetrics has its end and its limits.
 *
 * @throws Error that says which line is wrong
 */
export function parseText(text: string, isOpenMetrics = false): Map<string, ParsedFamily> {
  const families = new Map<string, ParsedFamily>()
  const seen = new Set<string>()
  let comments: { name: string; help?: string; unit?: string; type?: string } = { name: '' }
  let family: ParsedFamily | undefined
  let isOver = false
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end')
  for (const line of text.split('\n').slice(0, -1)) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    if (isOver) fail('something comes after # EOF')
    if (line === '# EOF') {
      isOver = true
    } else if (line.startsWith('# ')) {
      const [, what, quoted, plain, rest = ''] =
        /^# (HELP|TYPE|UNIT) (?:"((?:[^"\\]|\\.)*)"|(\S+)) ?(.*)$/s.exec(line) ?? fail('unknown comment')
      const name = quoted === undefined ? plain! : unescaped(quoted)
      checkName(name, fail)
      if (comments.name !== name) {
        comments = { name }
        if (families.has(name)) fail('a family comes twice')
        family = undefined
      }
      const key = what!.toLowerCase() as 'help' | 'type' | 'unit'
      if (comments[key] !== undefined) fail('a comment comes twice')
      comments[key] = rest
      if (family !== undefined && family.samples.length > 0) fail('a comment comes after samples')
      if (comments.type !== undefined) {
        family = { name, type: comments.type, help: comments.help, unit: comments.unit, samples: [] }
        families.set(name, family)
      }
    } else {
      if (family === undefined) return fail('a sample without a family')
      const sample = parseSample(line, fail)
      const suffixes = SUFFIXES[family.type] ?? ['']
      if (!suffixes.some((suffix) => sample.name === family!.name + suffix)) fail('a sample of another family')
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
      if (seen.has(key)) fail('a series comes twice')
      seen.add(key)
      checkBucket(family, sample, fail)
      family.samples.push(sample)
    }
  }
  if (isOpenMetrics && !isOver) throw new Error('# EOF is missing')
  if (isOpenMetrics) for (const each of families.values()) checkOpenMetrics(each)
  return families
}

function parseSample(line: string, fail: (why: string) => never): Sample {
  let at = 0
  let name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0]
  at = name?.length ?? 0
  const labels: Record<string, string> = Object.create(null)
  if (line[at] === '{') {
    at++
    while (line[at] !== '}') {
      const [whole, quoted, plain] =
        /^(?:"((?:[^"\\]|\\.)*)"|([a-zA-Z_][a-zA-Z0-9_]*))/.exec(line.slice(at)) ?? fail('bad label')
      at += whole!.length
      if (line[at] === '=') {
        const [value, text] = /^="((?:[^"\\]|\\[\\"n])*)"/.exec(line.slice(at)) ?? fail('bad label value')
        at += value!.length
        const label = quoted === undefined ? plain! : unescaped(quoted)
        checkName(label, fail)
        if (label in labels) fail('a label comes twice')
        labels[label] = unescaped(text!)
      } else if (name === undefined && quoted !== undefined) {
        name = unescaped(quoted)
      } else {
        fail('bad label')
      }
      if (line[at] === ',') at++
      else if (line[at] !== '}') fail('bad end of a label')
    }
    at++
  }
  if (name === undefined) return fail('no name')
  const [, value, exemplar] =
    /^ ([+-]?(?:Inf|NaN|[0-9.]+(?:e[+-]?\d+)?))(?: # (\{.*\} \S+ \S+))?$/.exec(line.slice(at)) ?? fail('bad value')
  if (exemplar?.includes('\0')) fail('NUL in an exemplar')
  return { name, labels, value: numberOf(value!), ...(exemplar !== undefined && { exemplar }) }
}

/** Prometheus reads NUL in the values of labels only. */
function checkName(name: string, fail: (why: string) => never): void {
  if (name === '') fail('an empty name')
  if (name.includes('\0')) fail('NUL in a name')
}

/** OpenMetrics 1.0, "Counter" and "Histogram": what counts is never below 0, and there is a count if and only if a sum. */
function checkOpenMetrics({ name, type, samples }: ParsedFamily): void {
  const fail = (why: string): never => {
    throw new Error(`${why}: ${name}`)
  }
  if (type !== 'counter' && type !== 'histogram') return
  if (!samples.every(({ value }) => value >= 0)) fail('a counter below 0, or none')
  const labelsOf = (suffix: string) =>
    samples.filter((sample) => sample.name === name + suffix).map(({ labels }) => JSON.stringify(labels))
  if (labelsOf('_count').join() !== labelsOf('_sum').join()) fail('a count without a sum, or a sum without a count')
}

function checkBucket(family: ParsedFamily, { name, labels, value }: Sample, fail: (why: string) => never): void {
  if (family.type !== 'histogram') return
  const last = family.samples.at(-1)
  if (name.endsWith('_bucket')) {
    if (labels.le === undefined) fail('a bucket without le')
    const isNext =
      last?.name === name && JSON.stringify({ ...last.labels, le: '' }) === JSON.stringify({ ...labels, le: '' })
    if (isNext && (last!.value > value || numberOf(last!.labels.le!) >= numberOf(labels.le!))) fail('a bucket falls')
  } else if (name.endsWith('_count')) {
    const bucket = family.samples.findLast(
      ({ name: other, labels: { le } }) => other.endsWith('_bucket') && le === '+Inf',
    )
    if (bucket?.value !== value) fail('the count is not that of the last bucket')
  }
}

function numberOf(text: string): number {
  return text.endsWith('Inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}
