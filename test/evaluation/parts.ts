import type { Part } from './part.ts'

/** A part is a file in test/evaluation/parts and an entry here. */
export const PARTS: readonly Part[] = [
  {
    letter: 'A',
    title: 'False alarms on real series',
    needsData: true,
    load: () => import('./parts/false-alarms.ts'),
  },
  {
    letter: 'B',
    title: 'Power at equal false alarms',
    needsData: true,
    load: () => import('./parts/power.ts'),
  },
  {
    letter: 'C',
    title: 'Always-valid tests',
    needsData: false,
    load: () => import('./parts/sequential.ts'),
  },
  {
    letter: 'D',
    title: 'Change points',
    needsData: true,
    load: () => import('./parts/change-points.ts'),
  },
  {
    letter: 'E',
    title: 'Coverage of intervals',
    needsData: false,
    load: () => import('./parts/coverage.ts'),
  },
  {
    letter: 'F',
    title: 'The whole system',
    needsData: false,
    load: () => import('./parts/system.ts'),
  },
  {
    letter: 'G',
    title: 'Mutations',
    needsData: false,
    load: () => import('./parts/mutations.ts'),
  },
  {
    letter: 'H',
    title: 'Counts and latencies on real levels',
    needsData: true,
    load: () => import('./parts/real-levels.ts'),
  },
]
