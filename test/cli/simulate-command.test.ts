import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseShard } from '../../src/cli/simulate.ts'
import { parseRecords } from '../../src/inspect/records/record-lines.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import type { Plan } from '../../src/simulator/plan.ts'
import { formatPlan, parsePlan } from '../../src/simulator/plan-file.ts'
import { runSeries } from '../../src/simulator/series.ts'
import { nothingRun, type Total, withRun } from '../../src/simulator/total.ts'
import { parseLink } from '../../src/transcript/link.ts'
import { paxos } from './paxos.ts'

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-simulate-'))
})

afterAll(async () => {
  await rm(directory, { recursive: true })
})

/** Two servers that never hear each other again: what is asked for cannot be answered. */
const cutForGood: Plan = {
  format: 3,
  seed: 5,
  servers: 2,
  service: 'register',
  stormMs: 1_000,
  ttlMs: 3_600_000,
  faults: [
    { kind: 'loss', percent: 10, atMs: 0, forMs: 10 },
    {
      kind: 'cut',
      links: [
        [0, 1],
        [1, 0],
      ],
      atMs: 100,
      forMs: 31_536_000_000,
    },
  ],
  clients: [
    {
      beginsAtMs: 0,
      server: 0,
      lanes: [
        [
          { kind: 'read', key: 'a', thinkMs: 0, patienceMs: null },
          { kind: 'write', key: 'a', value: 1, thinkMs: 200, patienceMs: null },
        ],
      ],
    },
  ],
}

/** A series writes a line every ten seconds: how many depends on the machine. */
const onlyProgress = /^(paxos: \d+ of \d+ runs, 0 failed\n)*$/

async function totalOf(...args: string[]): Promise<Total> {
  const { code, stdout, stderr } = await paxos('simulate', '--json', ...args)
  expect(code).toBe(0)
  expect(stderr).toMatch(onlyProgress)
  return JSON.parse(stdout).total
}

describe('paxos simulate', () => {
  test('prints the seed first, and at the end that everything held', async () => {
    const { code, stdout } = await paxos('simulate', '--seed', '3')
    expect(stdout).toMatch(/^seed 3\n/)
    expect(stdout).toMatch(/\neverything held\n$/)
    expect(code).toBe(0)
  })

  test('says which invariants were judged, and which nobody judged', async () => {
    const { judged } = await totalOf('--seed', '20', '--runs', '3', '--nodes', '3')
    expect(judged).toMatchObject({ 1: 3, 2: 3, 9: 3, 11: 3, 12: 3, 13: 3, 15: 3 })
    const plans = Array.from({ length: 3 }, (_, offset) => drawPlan(20 + offset, { servers: 3 }))
    const locks = plans.filter(({ service }) => service === 'lock').length
    expect(judged[10]).toBe(locks)
    const register = plans.find(({ service }) => service === 'register')
    const { stdout } = await paxos('simulate', '--seed', `${register?.seed}`, '--nodes', '3')
    expect(stdout).toContain('\nunjudged: 10 locks\n')
    expect(stdout).toContain(
      '\ninvariants 1 2 3 4 5 6 7 8 9 11 12 13 14 15 16: judged to the end of 1 of 1 run\n',
    )
  })

  test('comes to the same over threads, built or from source, and in one thread', async () => {
    const alone = await totalOf('--seed', '20', '--runs', '2', '--nodes', '3')
    expect(alone.runs).toBe(2)
    expect(await totalOf('--seed', '20', '--runs', '2', '--nodes', '3', '--jobs', '2')).toEqual(alone)
    let fromSource = nothingRun
    await runSeries({
      seeds: [20, 21],
      plan: { servers: 3 },
      jobs: 2,
      ran: (_, report) => {
        fromSource = withRun(fromSource, report)
      },
    })
    expect(fromSource).toEqual(alone)
  })

  test('runs a plan from a file', async () => {
    const file = join(directory, 'plan.json')
    await writeFile(file, formatPlan(drawPlan(24)))
    expect(await totalOf('--plan', file)).toEqual(await totalOf('--seed', '24'))
  })

  test('says what failed, shrinks its plan, and writes that where it fails again', async () => {
    const [failing, saved] = [join(directory, 'failing.json'), join(directory, 'saved.json')]
    await writeFile(failing, formatPlan(cutForGood))
    const first = await paxos('simulate', '--plan', failing, '--save', saved)
    expect(first.code).toBe(1)
    expect(first.stdout).toContain(`seed 5, the plan in ${failing}\n`)
    expect(first.stdout).toMatch(
      /^seed 5 fails at step \d+, after [\d.]+ virtual seconds: invariant 11 \(progress\)/m,
    )
    expect(first.stdout).toContain(`  again: paxos simulate --plan ${failing}\n`)
    expect(first.stdout).toMatch(/^ {2}shrunk in \d+ runs to 1 fault and 1 request/m)
    const [, link] = /^ {2}in the playground: (#playground\S+)$/m.exec(first.stdout) ?? []
    expect((await parseLink(link ?? '')).plan).toBe(JSON.stringify(parsePlan(await readFile(saved, 'utf8'))))
    expect(first.stdout).toContain(`  written to ${saved}; again: paxos simulate --plan ${saved}\n`)

    const again = await paxos('simulate', '--plan', saved, '--json', '--no-shrink')
    expect(again.code).toBe(1)
    const { failed, failures } = JSON.parse(again.stdout)
    expect(failed).toBe(1)
    expect(failures).toMatchObject([{ seed: 5, failure: { broke: 11 }, shrunk: null }])
    expect(parsePlan(await readFile(saved, 'utf8')).faults).toEqual(cutForGood.faults.slice(1))
  })

  test('does not run a plan that is none: it says which, and why', async () => {
    const file = join(directory, 'broken.json')
    await writeFile(file, '{ "format": 1 }')
    const { code, stderr } = await paxos('simulate', '--plan', file)
    expect(code).toBe(1)
    expect(stderr).toContain(`paxos: --plan ${file} is not a plan of the simulator, as --save writes it: /`)
  })
})

test('the example for Kubernetes is a job whose pods take all shards, each once', async () => {
  const text = await readFile(new URL('../../examples/kubernetes/simulate-job.yaml', import.meta.url), 'utf8')
  const { apiVersion, kind, spec } = parse(text)
  expect({ apiVersion, kind, mode: spec.completionMode }).toEqual({
    apiVersion: 'batch/v1',
    kind: 'Job',
    mode: 'Indexed',
  })
  const [command] = spec.template.spec.containers[0].args
  const shard = /--shard "(\S+)"/.exec(command)?.[1] ?? ''
  const shards = Array.from({ length: spec.completions }, (_, index) =>
    parseShard(shard.replace('$JOB_COMPLETION_INDEX', String(index))),
  )
  expect(shards.map(({ index }) => index)).toEqual([...Array(spec.completions).keys()])
  expect(new Set(shards.map(({ count }) => count))).toEqual(new Set([spec.completions]))
})

describe('what the clients of a run saw', () => {
  test('is written for Jepsen, in order and with an end to each call that was answered', async () => {
    const file = join(directory, 'history.edn')
    const { code, stderr } = await paxos('simulate', '--seed', '3', '--history', file)
    expect(code).toBe(0)
    expect(stderr).toMatch(onlyProgress)
    const events = (await readFile(file, 'utf8')).trimEnd().split('\n')
    expect(events.length).toBeGreaterThan(10)
    expect(events[0]).toMatch(/^\{:index 0, :time 0, :process \d+, :type :invoke, :f :/)
    const count = (type: string) => events.filter((event) => event.includes(`:type :${type},`)).length
    expect(count('ok')).toBeGreaterThan(0)
    expect(count('ok') + count('fail') + count('info')).toBe(count('invoke'))
  })

  test('is written for Porcupine', async () => {
    const file = join(directory, 'history.jsonl')
    expect((await paxos('simulate', '--seed', '3', '--history', file)).code).toBe(0)
    const operations = (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(operations.length).toBeGreaterThan(5)
    for (const { Call, Return } of operations) expect(Call).toBeLessThan(Return)
  })

  test.each([
    [['--history', 'h.txt'], 2, 'Give a name that ends in .edn'],
    [['--history', 'h.edn', '--runs', '2'], 2, 'leave out --runs 2'],
    [['--inspect', 'r.ndjson', '--runs', '2'], 2, 'leave out --runs 2'],
    [['--inspect', '/nowhere/r.ndjson', '--seed', '3'], 1, '--inspect /nowhere/r.ndjson: ENOENT'],
  ])('paxos simulate %s', async (args, exitCode, told) => {
    const { code, stderr } = await paxos('simulate', ...args)
    expect(code).toBe(exitCode)
    expect(stderr).toContain(told)
  })
})

test('what the servers of a run that fails did is written for the inspector, shrunk', async () => {
  const plan = join(directory, 'for-ever.json')
  const file = join(directory, 'run.ndjson')
  await writeFile(plan, formatPlan(cutForGood))
  const { code, stdout } = await paxos('simulate', '--plan', plan, '--inspect', file)
  expect(code).toBe(1)
  expect(stdout).toContain(`written to ${file}; to look at it: paxos inspect ${file}`)
  const records = parseRecords(await readFile(file, 'utf8'))
  expect(records[0]?.kind).toBe('cluster')
  const last = records.at(-1)
  const broken = last?.kind === 'verdict' ? last.invariants.filter((each) => each.standing === 'broken') : []
  expect(broken.map(({ invariant }) => invariant)).toEqual([11])

  const again = await paxos('simulate', '--seed', '1', '--inspect', file)
  expect(again).toEqual({
    code: 1,
    stdout: '',
    stderr: `paxos: --inspect ${file} exists already: give a new file\n`,
  })
})
