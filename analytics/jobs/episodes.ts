import type { AlsoMoved, Verdict } from '../../schemas/contracts/report.ts'
import type { BadDirection } from '../../schemas/signals/signal.ts'
import type { Episode } from '../compare/episode.ts'
import { episodeGroups, type SeriesComparison } from './compare-signals.ts'
import { duration, factor, nameWithin } from './words.ts'

const MOST_NAMED = 3

/** Whether a series was worse in its episode, not better. */
export function wasWorse(episode: Pick<Episode, 'raised'> | null | undefined, bad: BadDirection): boolean {
  return episode != null && (bad === 'both' || episode.raised === (bad === 'up'))
}

/** Such as `1.9x from 14:36Z to 15:36Z`. */
export function episodeWords({ from, to, ratio, raised }: NonNullable<Verdict['episode']>): string {
  const size = ratio === null ? (raised ? 'higher' : 'lower') : factor(ratio)
  return `${size} from ${clock(from)}Z to ${clock(to)}Z`
}

export function verdictEpisode(episode: Episode | undefined): NonNullable<Verdict['episode']> | null {
  if (episode === undefined) return null
  const { raised, ratio } = episode
  return { from: iso(episode.from), to: iso(episode.to), raised, ratio }
}

/**
 * Episodes of all series, those of the same minutes together, in the order of time.
 * @param startedAt seconds: the release; undefined where more than one is compared
 */
export function episodesMoved(
  comparisons: readonly SeriesComparison[],
  startedAt: number | undefined,
): readonly AlsoMoved[] {
  return episodeGroups(comparisons).map(({ from, to, series: group }) => {
    const named = [...group]
      .sort((a, b) => Number(a.dimension === '') - Number(b.dimension === ''))
      .slice(0, MOST_NAMED)
      .map(({ signal, dimension, episode }) => {
        const size = episode.ratio === null ? '' : ` (${factor(episode.ratio)})`
        return `${nameWithin({ title: signal.title, dimension })}${size}`
      })
    const more = group.length > MOST_NAMED ? ` and ${group.length - MOST_NAMED} more` : ''
    const when =
      startedAt === undefined
        ? ''
        : `, which began ${duration(from - startedAt)} after the release and is over`
    return {
      kind: 'incident' as const,
      at: iso(from),
      summary: `From ${iso(from).slice(0, 16).replace('T', ' ')}Z to ${clock(iso(to))}Z there was something that came and went${when}: ${named.join(', ')}${more}. These minutes are left out of what is compared.`,
    }
  })
}

function clock(instant: string): string {
  return instant.slice(11, 16)
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
