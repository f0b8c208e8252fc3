import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const isCi = process.env.CI !== undefined

/** Tests that start processes, which mostly wait; and tests that replace a module or measure their own memory. */
const isolated = [
  'test/{campaigns,cli,fuzz,live,package,storage}/**/*.test.ts',
  'test/inspector/browser/*.test.ts',
  'test/inspect/report/off.test.ts',
  'test/wire/pieces.test.ts',
]

/** The files that take longest. Their sizes do not show it. */
const long = [
  'cli/cluster',
  'fuzz/fuzz',
  'live/lifecycle',
  'campaigns/kill',
  'storage/format',
  'simulator/first-seeds',
]

/** Isolated files come first, so that the others, which share workers, follow each other; long files come before short ones. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rank = ({ project, moduleId }: TestSpecification) =>
      (project.name === 'isolated' ? 0 : 2) +
      (long.some((file) => moduleId.endsWith(`/${file}.test.ts`)) ? 0 : 1)
    return sorted.sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    reporters: isCi ? ['default', ['json', { outputFile: '.ci/report.json' }]] : ['default'],
    projects: [
      { extends: true, test: { name: 'isolated', include: isolated } },
      // A worker of these keeps the modules that it loaded: loading them for each file took longer than many of the files.
      {
        extends: true,
        test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: isolated, isolate: false },
      },
    ],
  },
})
