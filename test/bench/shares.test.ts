import { expect, test } from 'vitest'
import type { CpuProfile } from '../../bench/profile/profiler.ts'
import { moduleOf, sharesOf } from '../../bench/profile/shares.ts'

type Node = CpuProfile['nodes'][number]

function node(id: number, name: string, url: string, children: number[] = [], scriptId = '0'): Node {
  return { id, callFrame: { functionName: name, url, scriptId, lineNumber: 9, columnNumber: 0 }, children }
}

test.each([
  ['file:///p/node_modules/xstate/dist/raise.js', 'xstate'],
  ['file:///p/node_modules/@sinclair/typebox/build/index.mjs', '@sinclair/typebox'],
  ['file:///p/node_modules/etcd3/node_modules/long/index.js', 'long'],
  ['node:dgram', 'node:dgram'],
  ['node:internal/dgram', 'node:dgram'],
  ['node:internal/process/task_queues', 'node:process'],
  ['file:///p/dist/machines/proposer.js', 'machines'],
  ['file:///p/dist/src/node/transport.js', 'src/node'],
  ['file:///p/dist/src/storage/log/layout.js', 'src/storage'],
  ['file:///p/dist/bench/load/window.js', 'bench'],
  ['', null],
])('the module of %s is %s', (url, module) => {
  expect(moduleOf(url)).toBe(module)
})

/** A profile in which each sample takes the next number of microseconds. */
function profile(
  nodes: Node[],
  samples: readonly (readonly [id: number, microseconds: number])[],
): CpuProfile {
  return {
    nodes,
    startTime: 0,
    endTime: 0,
    samples: [...samples.map(([id]) => id), 1],
    timeDeltas: [100, ...samples.map(([, microseconds]) => microseconds)],
  }
}

const dgram = 'node:dgram'
const send = 'file:///p/dist/src/node/transport.js'
const nodes = [
  node(1, '(root)', '', [2, 3, 4]),
  node(2, '(idle)', ''),
  node(3, '(garbage collector)', ''),
  node(4, 'flush', send, [5, 7], '30'),
  node(5, 'doSend', dgram, [6], '31'),
  node(6, 'send', ''),
  node(7, 'check', '', [], '32'),
]
const samples = Object.entries({ 2: 500, 3: 100, 4: 50, 6: 200, 5: 50, 7: 100 }).map(
  ([id, microseconds]) => [Number(id), microseconds] as const,
)

test('the shares of modules are those of the time in which the process computed', () => {
  const { busy, samples: count, modules } = sharesOf(profile(nodes, samples))
  expect(busy).toBe(0.5)
  expect(count).toBe(7)
  expect(modules).toEqual([
    { name: 'node:dgram', share: 0.5 },
    { name: 'garbage collection', share: 0.2 },
    { name: 'generated code', share: 0.2 },
    { name: 'src/node', share: 0.1 },
  ])
})

test('a function counts without those that it called, and a native one belongs to its caller', () => {
  expect(sharesOf(profile(nodes, samples)).functions).toEqual([
    { name: 'send (node:dgram, without a file)', share: 0.4 },
    { name: '(garbage collector)', share: 0.2 },
    { name: 'check (generated code, without a file)', share: 0.2 },
    { name: 'doSend (node:dgram, node:dgram:10)', share: 0.1 },
    { name: 'flush (src/node, transport.js:10)', share: 0.1 },
  ])
})
