import Table from 'cli-table3'

const WIDTH = 80

/**
 * A table of at most 80 columns; long cells wrap.
 * @param widths of the columns' content; together with 3 per column and 1 they must not pass 80
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly number[],
): string {
  const total = widths.reduce((sum, width) => sum + width + 3, 1)
  if (total > WIDTH) throw new RangeError(`A table of ${total} columns does not fit ${WIDTH}`)
  const drawn = new Table({
    head: [...head],
    colWidths: widths.map((width) => width + 2),
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows) drawn.push(row.map((cell, column) => breakable(cell, widths[column] ?? WIDTH)))
  return drawn.toString()
}

/** Words longer than their column (paths, statements) are broken; everything else wraps between words. */
function breakable(cell: string, width: number): string {
  return cell
    .split(' ')
    .flatMap((word) => word.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''])
    .join(' ')
}
