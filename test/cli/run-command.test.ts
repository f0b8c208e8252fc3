import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { isForegroundIn } from '../../src/cli/foreground.ts'
import { runCommand } from '../../src/cli/run-command.ts'

const { spawn } = vi.hoisted(() => ({ spawn: vi.fn() }))
vi.mock('node:child_process', () => ({ spawn }))

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
  const ended = runCommand(['sudo', 'x'], {})
  process.emit('SIGUSR2')
  process.emit('SIGUSR2')
  child.emit('exit', 5, null)
  expect(await ended).toBe(5)
  const line = 'paxos: a signal cannot be sent to the command sudo: kill EPERM\n'
  expect(stderr.mock.calls).toEqual([[line], [line]])
  expect(process.listenerCount('SIGUSR2')).toBe(0)
})

test.each([
  ['in the foreground', '10 (node) S 9 10 9 34816 10 4194304', true],
  ['in the background', '10 (node) S 9 10 9 34816 12 4194304', false],
  ['without a terminal', '10 (node) S 9 10 9 0 -1 4194304', false],
  ['a program with an odd name', '10 (a) 1 (b) S 9 10 9 34816 10 4194304', true],
])('the process group of the terminal: %s', (_, stat, isForeground) => {
  expect(isForegroundIn(stat)).toBe(isForeground)
})
