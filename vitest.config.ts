import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const isCi = process.env.CI !== undefined

/** Tests that replace a module or measure their own memory. */
const isolated = ['test/inspect/report/off.test.ts', 'test/wire/pieces.test.ts']

/** Tests that start a browser or a load: `npm run test:long` runs them. */
const longIsolated = ['test/{fuzz,inspector/browser}/*.test.ts']

/** Tests that compute for minutes, or that start and stop servers again and again: `npm run test:long` runs them, too. */
const long = [
  'test/{campaigns,mutations,package}/*.test.ts',
  'test/checker/{search,walks}.test.ts',
  'test/cli/{cluster,cluster-faults,disaster-commands,quota-command,simulate-command,storage}.test.ts',
  'test/live/{addresses,cluster,copied-directory,copies,damaged-log,leases,lifecycle,odd-service,resumed-snapshot,snapshots}.test.ts',
  'test/storage/faults.test.ts',
]

/** Tests that start processes, which mostly wait. */
const waiting = /\/test\/(campaigns|cli|fuzz|live|package)\//

/** The files that take longest. Their sizes do not show it. */
const longest =
  /\/(chart-steps|clock|cluster|codec|first-seeds|format|fuzz|hub\/judge|kill|leases|lifecycle|locks-command|mutations|package|search|silence|simulate-command|cli\/storage|timeline|walks)\.test\.ts$/

/**
 * Isolated files come first, so that the others, which share workers, follow each other: one that computes with two that wait, so that
 * the processors are busy from the beginning to the end. Of each kind, the longest come first.
 */
class BusyFromTheStart extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const waits = ({ moduleId }: TestSpecification) => waiting.test(moduleId)
    const rank = ({ moduleId }: TestSpecification) => (longest.test(moduleId) ? 0 : 1)
    const isIsolated = ({ project }: TestSpecification) => /isolated/.test(project.name)
    const isolatedFiles = sorted.filter(isIsolated)
    const shared = sorted.filter((file) => !isIsolated(file)).sort((a, b) => rank(a) - rank(b))
    const [waitingFiles, computing] = [shared.filter(waits), shared.filter((file) => !waits(file))]
    const mixed = waitingFiles.flatMap((file, place) =>
      place % 2 === 0 ? [...computing.splice(0, 1), file] : [file],
    )
    return [...isolatedFiles.sort((a, b) => rank(a) - rank(b)), ...mixed, ...computing]
  }
}

export default defineConfig({
  test: {
    // For all tests, so that one ends that would not end by itself. A busy machine may take ten times as long as an idle one for the same
    // computation; what the product promises about time, the tests bound themselves.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    maxWorkers: 3,
    sequence: { sequencer: BusyFromTheStart },
    reporters: isCi ? ['default', ['json', { outputFile: '.ci/report.json' }]] : ['default'],
    projects: [
      { extends: true, test: { name: 'isolated', include: isolated } },
      // A worker of these keeps the modules that it loaded: loading them for each file took longer than many of the files.
      {
        extends: true,
        test: {
          ...{ name: 'shared', include: ['test/**/*.test.ts'], isolate: false },
          exclude: [...isolated, ...longIsolated, ...long],
        },
      },
      { extends: true, test: { name: 'long-isolated', include: longIsolated } },
      { extends: true, test: { name: 'long', include: long, isolate: false } },
    ],
  },
})
