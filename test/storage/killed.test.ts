import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LogStorage } from '../../src/storage/log-storage.ts'
import { bundled } from '../support/bundled.ts'
import { batch, identity } from './fixtures.ts'

const script = bundled(fileURLToPath(new URL('./write-loop.ts', import.meta.url)))

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-storage-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** Runs the write loop until it has stored `count` more instances, and kills it. Returns the last instance that it reported. */
async function killAfter(count: number): Promise<number> {
  const child = spawn(process.execPath, [script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'close')
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      output += data
      if (output.split('\n').length > count) resolve()
    })
    exited.then(() => reject(new Error('the write loop ended by itself')), reject)
  })
  child.kill('SIGKILL')
  await exited
  return Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1))
}

it('holds what a process reported as stored before it was killed', async () => {
  const first = new LogStorage(directory)
  await first.open()
  await first.initialise(identity)
  await first.close()
  let before = 0
  for (const count of [1, 60, 300]) {
    const last = await killAfter(count)
    expect(last).toBeGreaterThanOrEqual(before)
    const storage = new LogStorage(directory)
    const { promised, accepted, firstUnchosen } = await storage.open()
    expect(promised!.round).toBeGreaterThan(last)
    const chosen = await storage.chosen(0, 10_000_000)
    expect(chosen).toEqual(Array.from({ length: firstUnchosen }, (_, instance) => batch(`n${instance}`)))
    const all = firstUnchosen + accepted.length
    expect(all).toBeGreaterThan(last)
    expect(all).toBe(promised!.round)
    for (const { instance, batch: stored } of accepted) expect(stored).toEqual(batch(`n${instance}`))
    before = last
    await storage.close()
  }
})
