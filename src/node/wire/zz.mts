import { Decoder, encodeEnvelope } from '/work/main/src/node/wire/codec.ts'
import { isMessage } from '/work/main/src/node/wire/schema.ts'
function accept(n: number): any {
  return { type: 'accept', ballot: { round: 12, node: 0 }, instance: 4711, batch: { node: 0, timeMs: 1790000000000, requests:
    Array.from({ length: n }, (_, i) => ({ uid: `k3jd93kdlq${i}@1200`, seq: 40 + i, ackedBelow: 38 + i, command: { kind: 'service', body: { action: 'lock', name: `lock-${i}` } } })) } }
}
function time(name: string, f: () => unknown, rounds: number) {
  for (let i = 0; i < rounds / 2; i++) f()
  const best = Math.min(...Array.from({ length: 7 }, () => { const t = performance.now(); for (let i = 0; i < rounds; i++) f(); return (performance.now() - t) / rounds * 1000 }))
  console.log(name.padEnd(40), best.toFixed(2), 'µs')
}
const decoder = new Decoder({ cluster: 'c', nowMs: () => 0 })
for (const n of [1, 20, 256]) {
  const m = accept(n); const rounds = n > 100 ? 2000 : 20000
  const bytes = encodeEnvelope({ cluster: 'c', sender: 0, messages: [m] })[0]!
  const parsed = JSON.parse(Buffer.from(bytes).toString()).m[0]
  console.log(n, bytes.length, decoder.decode(bytes, 'x').kind)
  time(`encode accept ${n}, fresh`, () => encodeEnvelope({ cluster: 'c', sender: 0, messages: [{ ...m }] }), rounds)
  time(`encode accept ${n}, cached`, () => encodeEnvelope({ cluster: 'c', sender: 0, messages: [m] }), rounds)
  time(`decode accept ${n}`, () => decoder.decode(bytes, 'x'), rounds)
  time(`  JSON.parse only`, () => JSON.parse(Buffer.from(bytes).toString()), rounds)
  time(`  schema only`, () => isMessage(parsed), rounds)
}
const q: any = { type: 'request', uid: 'abc@12', seq: 3, ackedBelow: 2, command: { kind: 'service', body: { action: 'lock', name: 'x' } } }
const b = encodeEnvelope({ cluster: 'c', sender: null, messages: [q] })[0]!
time('encode request', () => encodeEnvelope({ cluster: 'c', sender: null, messages: [{ ...q }] }), 50000)
time('decode request', () => decoder.decode(b, 'x'), 50000)
