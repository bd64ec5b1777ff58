import { defineConfig } from 'vitest/config'

const elsewhere = ['node_modules/**', '.postflight/**']

/**
 * `npm`: what needs nothing but npm. `browser` (a real Chromium) and `peer` (servers and other languages) have what
 * they need installed first by `test/setup/debian-packages.ts`.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/setup/closing-line.ts'],
    // A start makes all views of the rollups: seconds on a quiet machine, many on a loaded one.
    testTimeout: 90_000,
    hookTimeout: 180_000,
    // Several tests start the embedded engine (0.5 GB and more each): two files at a time fit two cores and 8 GB.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'npm',
          include: ['**/*.test.ts'],
          exclude: [...elsewhere, '**/*.browser.test.ts', '**/*.peer.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['**/*.browser.test.ts'],
          exclude: elsewhere,
          globalSetup: ['test/setup/chromium.ts'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'peer',
          include: ['**/*.peer.test.ts'],
          exclude: elsewhere,
          globalSetup: ['test/setup/peers.ts'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
})
