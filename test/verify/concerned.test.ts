import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { checkConcerned } from '../../src/verify/concerned.ts'
import { heldBy } from '../support/batches.ts'
import { execution } from '../support/facts.ts'
import { batch, member } from '../support/role.ts'

const members = [member(0), member(1), member(2)]

function check(holder: NodeId, concerned: readonly NodeId[]): () => void {
  return () => checkConcerned(heldBy(batch('a'), holder), { ...execution(4, []), concerned }, members)
}

describe('an execution', () => {
  test('names the server that holds a request of the batch', () => {
    expect(check(1, [1])).not.toThrow()
    expect(check(1, [0, 1, 2])).not.toThrow()
  })

  test('that names only others is found', () => {
    expect(check(1, [])).toThrow('invariant 8 (responses)')
    expect(check(1, [0, 2])).toThrow('instance 4 does not concern server 1')
  })

  test('need not name a server that is no member any more', () => {
    expect(check(7, [])).not.toThrow()
  })
})
