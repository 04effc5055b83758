/** Prints a table; `left` columns are aligned to the left, the others to the right. */
export function printTable(columns, lines, left = 2) {
  const widths = columns.map((column, i) => Math.max(column.length, ...lines.map((line) => line[i].length)))
  for (const line of [columns, ...lines]) {
    const cells = line.map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
    console.log(cells.join('  ').trimEnd())
  }
}
