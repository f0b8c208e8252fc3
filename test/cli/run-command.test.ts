import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { isForegroundIn } from '../../src/cli/foreground.ts'
import { killAfterMs, type Loss, runCommand } from '../../src/cli/run-command.ts'

const { spawn } = vi.hoisted(() => ({ spawn: vi.fn() }))
vi.mock('node:child_process', () => ({ spawn }))

const never: Loss = { signal: new AbortController().signal, policy: 'term', notice: () => undefined }

afterEach(() => {
  vi.restoreAllMocks()
})

test('a command that became another user runs on, however many signals cannot be sent to it', async () => {
  const child = Object.assign(new EventEmitter(), {
    pid: 7,
    kill: () => child.emit('error', new Error('kill EPERM')),
  })
  spawn.mockReturnValue(child as unknown as ChildProcess)
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const ended = runCommand(['sudo', 'x'], {}, never)
  process.emit('SIGUSR2')
  process.emit('SIGUSR2')
  child.emit('exit', 5, null)
  expect(await ended).toBe(5)
  const line = 'paxos: a signal cannot be sent to the command sudo: kill EPERM\n'
  expect(stderr.mock.calls).toEqual([[line], [line]])
  expect(process.listenerCount('SIGUSR2')).toBe(0)
})

test.each([
  ['term', ['SIGTERM', 'SIGKILL']],
  ['kill', ['SIGKILL']],
] as const)('a loss ends the command, by the policy %s', async (policy, signals) => {
  vi.useFakeTimers()
  const kill = vi.fn()
  const child = Object.assign(new EventEmitter(), { pid: 7, kill })
  spawn.mockReturnValue(child as unknown as ChildProcess)
  const lost = new AbortController()
  const notice = vi.fn()
  const ended = runCommand(['x'], {}, { signal: lost.signal, policy, notice })
  expect(notice).not.toHaveBeenCalled()
  lost.abort()
  expect(notice).toHaveBeenCalledOnce()
  expect(kill.mock.calls).toEqual([[signals[0]]])
  vi.advanceTimersByTime(killAfterMs)
  expect(kill.mock.calls).toEqual(signals.map((signal) => [signal]))
  child.emit('exit', null, 'SIGKILL')
  expect(await ended).toBe(137)
  vi.useRealTimers()
})

test.each([
  ['in the foreground', '10 (node) S 9 10 9 34816 10 4194304', true],
  ['in the background', '10 (node) S 9 10 9 34816 12 4194304', false],
  ['without a terminal', '10 (node) S 9 10 9 0 -1 4194304', false],
  ['a program with an odd name', '10 (a) 1 (b) S 9 10 9 34816 10 4194304', true],
])('the process group of the terminal: %s', (_, stat, isForeground) => {
  expect(isForegroundIn(stat)).toBe(isForeground)
})
