import { quotedMetricName } from './quoted-names.ts'

/** HELP, TYPE and, where the format has it, UNIT. */
export function commentsOf(
  { name, type, help, unit }: { name: string; type: string; help: string; unit: string },
  isOpenMetrics: boolean,
): string {
  const said = quotedMetricName(name)
  const typeText = type === 'unknown' && !isOpenMetrics ? 'untyped' : type
  // OpenMetrics knows of no unit that is not the end of the name.
  const unitText = isOpenMetrics && unit !== '' && name.endsWith(`_${unit}`) ? `# UNIT ${said} ${unit}\n` : ''
  const helpText = help === '' ? '' : `# HELP ${said} ${escapedHelp(help, isOpenMetrics)}\n`
  return `${helpText}# TYPE ${said} ${typeText}\n${unitText}`
}

function escapedHelp(help: string, isOpenMetrics: boolean): string {
  const escaped = help.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return isOpenMetrics ? escaped.replaceAll('"', '\\"') : escaped
}
