import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const isCi = process.env.CI !== undefined

/** Tests that replace a module, measure their own memory, or start a browser or a load. */
const isolated = [
  'test/{fuzz,inspector/browser}/*.test.ts',
  'test/inspect/report/off.test.ts',
  'test/wire/pieces.test.ts',
]

/** Tests that start processes, which mostly wait. */
const waiting = /\/test\/(campaigns|cli|fuzz|live|package|storage)\//

/** The files that take longest. Their sizes do not show it. */
const longest = /\/(cluster|first-seeds|format|fuzz|kill|lifecycle|mutations|silence)\.test\.ts$/

/**
 * Isolated files come first, so that the others, which share workers, follow each other; then those that wait, while the rest keeps
 * the processors busy to the end. Of each kind, the longest come first.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rank = ({ project, moduleId }: TestSpecification) =>
      (project.name === 'isolated' ? 0 : 4) +
      (waiting.test(moduleId) ? 0 : 2) +
      (longest.test(moduleId) ? 0 : 1)
    return sorted.sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
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
