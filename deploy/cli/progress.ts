import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  /** @param done 0 to 1  @param records sent so far */
  update(done: number, records: number): void
  /** A text above the bar. */
  say(text: string): void
  /** May be called again. */
  stop(): void
}

/** A bar with rate and time left on a terminal; elsewhere a line every 5 seconds. */
export function showProgress(
  title: string,
  out: NodeJS.WriteStream | NodeJS.WritableStream,
  clock: () => number,
): Progress {
  const begun = clock()
  const rate = (records: number): string =>
    `${Math.round(records / Math.max(1, (clock() - begun) / 1000) / 1000)} thousand records/s`
  const left = (done: number): string =>
    done <= 0 ? '' : `${Math.ceil(((clock() - begun) / 1000) * (1 / done - 1))} s left`
  if ('isTTY' in out && out.isTTY) {
    const bar = new SingleBar(
      {
        format: `${title} {bar} {percentage} % | {rate} | {left}`,
        stream: out,
        hideCursor: true,
        barsize: 24,
      },
      Presets.rect,
    )
    bar.start(1000, 0, { rate: '', left: '' })
    return {
      update: (done, records) =>
        bar.update(Math.round(done * 1000), { rate: rate(records), left: left(done) }),
      // The line is cleared; the bar draws itself again.
      say: (text) => out.write(`\r\x1b[2K${text}\n`),
      stop: () => bar.stop(),
    }
  }
  let shown = begun
  return {
    update(done, records) {
      if (clock() - shown < 5000) return
      shown = clock()
      out.write(`${title}: ${Math.round(done * 100)} %, ${rate(records)}, ${left(done)}\n`)
    },
    say: (text) => out.write(`${text}\n`),
    stop() {},
  }
}
