import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Progress } from '../../src/cli/progress.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** What is written while 100 runs are done, one every `runMs`. */
function written(isTTY: boolean, runMs: number): string[] {
  const lines: string[] = []
  const stream = {
    isTTY,
    write: (text: unknown) => {
      lines.push(String(text))
      return true
    },
  }
  const progress = new Progress(100, stream)
  for (let done = 1; done <= 100; done += 1) {
    vi.advanceTimersByTime(runMs)
    progress.advance(done, done > 50 ? 1 : 0)
  }
  progress.end()
  return lines
}

test('a terminal has one line, which is drawn again and removed at the end', () => {
  const lines = written(true, 100)
  expect(lines).toHaveLength(101)
  expect(lines[24]).toBe(
    `\r\x1b[K${'█'.repeat(10)}${'░'.repeat(30)} 25 of 100 runs, 0 failed, about 8 s left`,
  )
  expect(lines.at(-1)).toBe('\r\x1b[K')
})

test('a terminal is drawn on ten times a second, at most', () => {
  expect(written(true, 10)).toHaveLength(11)
})

test('elsewhere a line is written every ten seconds', () => {
  expect(written(false, 1_000)).toEqual(
    [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map(
      (done) => `paxos: ${done} of 100 runs, ${done > 50 ? 1 : 0} failed\n`,
    ),
  )
})
