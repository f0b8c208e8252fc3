import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/core/process.ts'
import { SimulatedFiles } from '../../src/simulator/files.ts'
import { Random } from '../../src/simulator/random.ts'
import { sectorBytes } from '../../src/simulator/simulated-file.ts'

const random = new Random(1)
const bytes = (value: number, length = 4) => new Uint8Array(length).fill(value)

function opened() {
  const files = new SimulatedFiles()
  const calls: string[] = []
  const session = files.session((call, act, ended) => {
    calls.push(call)
    act()
    ended()
  })
  return { files, session, calls }
}

/** The result of an operation that ends at once. Throws its error. */
function resultOf<T>(operation: Operation<T>): T {
  let outcome: [error: Error | null, result?: T | undefined] | null = null
  operation((...ended) => {
    outcome = ended
  })
  if (outcome === null) throw new Error('the operation has not ended')
  const [error, result] = outcome as [error: Error | null, result?: T | undefined]
  if (error !== null) throw error
  return result as T
}

function withFile() {
  const { files, session } = opened()
  resultOf(session.create('a'))
  resultOf(session.syncDirectory('.'))
  const read = () => [...resultOf(session.read('a', 0, Number.POSITIVE_INFINITY))]
  return { files, session, read }
}

describe('a simulated file', () => {
  test('has written bytes at once, and keeps synced ones when the power fails', () => {
    const { files, session, read } = withFile()
    resultOf(session.write('a', 0, bytes(1)))
    resultOf(session.sync('a'))
    resultOf(session.write('a', 2, bytes(2)))
    expect(read()).toEqual([1, 1, 2, 2, 2, 2])
    files.crash('cached', random)
    expect(read()).toEqual([1, 1, 2, 2, 2, 2])
    files.crash('lost', random)
    expect(read()).toEqual([1, 1, 1, 1])
  })

  test('may keep written bytes that were not synced', () => {
    const { files, session, read } = withFile()
    resultOf(session.write('a', 0, bytes(1)))
    files.crash('kept', random)
    expect(read()).toEqual([1, 1, 1, 1])
  })

  test('may keep some sectors of a write and lose others', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 40; seed += 1) {
      const { files, session, read } = withFile()
      resultOf(session.write('a', 0, bytes(1, 2 * sectorBytes)))
      resultOf(session.sync('a'))
      resultOf(session.write('a', 0, bytes(2, 2 * sectorBytes)))
      files.crash('torn', new Random(seed))
      const sectors = read().filter((_, offset) => offset % sectorBytes === 0)
      seen.add(sectors.join(''))
    }
    expect([...seen].sort()).toEqual(['11', '12', '21', '22'])
  })

  test('looks written after a failed sync, and no later sync makes that durable', () => {
    const { files, session, read } = withFile()
    resultOf(session.write('a', 0, bytes(1)))
    files.failLater({ call: 'sync', code: 'EIO', calls: 0 })
    expect(() => resultOf(session.sync('a'))).toThrow('EIO')
    resultOf(session.sync('a'))
    expect(read()).toEqual([1, 1, 1, 1])
    files.crash('kept', random)
    expect(read()).toEqual([])
  })
})

describe('simulated directories', () => {
  test('lose entries that were not synced', () => {
    const { files, session } = opened()
    resultOf(session.makeDirectory('d'))
    resultOf(session.create('d/a'))
    expect(resultOf(session.list('d'))).toEqual(['a'])
    resultOf(session.syncDirectory('.'))
    files.crash('lost', random)
    expect(resultOf(session.list('d'))).toEqual([])
    expect(resultOf(session.list('e'))).toBeNull()
  })

  test('are renamed with their files', () => {
    const { files, session } = opened()
    resultOf(session.makeDirectory('d'))
    resultOf(session.create('d/a'))
    resultOf(session.syncDirectory('d'))
    resultOf(session.syncDirectory('.'))
    resultOf(session.rename('d', 'e'))
    expect(resultOf(session.list('e'))).toEqual(['a'])
    files.crash('lost', random)
    expect(resultOf(session.list('d'))).toEqual(['a'])
    resultOf(session.rename('d', 'e'))
    resultOf(session.syncDirectory('.'))
    files.crash('lost', random)
    expect(resultOf(session.list('e'))).toEqual(['a'])
    expect(resultOf(session.list('d'))).toBeNull()
  })

  test('report what is missing, and what exists already', () => {
    const { session } = opened()
    expect(() => resultOf(session.read('a', 0, 1))).toThrow('ENOENT')
    resultOf(session.create('a'))
    expect(() => resultOf(session.create('a'))).toThrow('EEXIST')
    resultOf(session.remove('a'))
    resultOf(session.remove('a'))
    expect(() => resultOf(session.read('a', 0, 1))).toThrow('ENOENT')
  })
})

test('a planned error meets one call of its kind, after as many as it was given', () => {
  const { files, session, read } = withFile()
  files.failLater({ call: 'write', code: 'ENOSPC', calls: 1 })
  expect(read()).toEqual([])
  resultOf(session.write('a', 0, bytes(7)))
  expect(() => resultOf(session.write('a', 0, bytes(1)))).toThrow('ENOSPC')
  resultOf(session.write('a', 0, bytes(2)))
  files.failLater({ call: 'read', code: 'EIO', calls: 0 })
  files.forgetFaults()
  expect(read()).toEqual([2, 2, 2, 2])
})
