/** A hand-off costs O(log n) with n requests that wait: no command goes through the line. */
import { expect, test } from 'vitest'
import type { LockCommand } from '../../../src/services/lock-commands.ts'
import { LockDriver } from './lock-driver.ts'

const rounds = 300

/** CPU microseconds of a hand-off: a release, the collection of the grant, and a request that comes to the end of the line. */
function handOffCost(waiters: number, command: LockCommand): number {
  const locks = new LockDriver({ isLarge: true })
  let last = 0
  const come = () => {
    last += 1
    return locks.run(`s@${last}`, 1, command).result
  }
  come()
  while (last <= waiters) expect(come()).toBe('waits')
  const before = process.cpuUsage()
  for (let token = 1; token <= rounds; token += 1) {
    const { freed } = locks.run('anybody', 1, { action: 'unlock', token })
    expect(freed).toEqual([`s@${token + 1}#1`])
    expect(locks.run(`s@${token + 1}`, 1, command).result).toEqual({ token: token + 1 })
    come()
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rounds
}

test.each([
  ['one name', { action: 'lock', name: 'x' }],
  ['several names', { action: 'lock', names: ['x', 'y', 'z'] }],
  ['a semaphore', { action: 'lock', name: 'x', permits: 1 }],
] as [
  string,
  LockCommand,
][])('%s: a hundred times the waiters cost less than ten times as much', (_, command) => {
  handOffCost(100, command)
  const ratios = [1, 2, 3].map(() => handOffCost(10_000, command) / handOffCost(100, command))
  expect(Math.min(...ratios)).toBeLessThan(10)
})
