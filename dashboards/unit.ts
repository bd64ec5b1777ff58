const UNITS: Readonly<Record<string, string>> = {
  s: 's',
  '1': 'percentunit',
  's/s': 'percentunit',
  By: 'bytes',
  'By/s': 'Bps',
  '{request}/min': 'reqpm',
}

/** Grafana's unit for a signal's; counts and users' own units are plain numbers. */
export function grafanaUnit(unit: string): string {
  return UNITS[unit] ?? 'short'
}
