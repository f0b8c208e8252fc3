import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseShard } from '../../src/cli/simulate.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { formatPlan } from '../../src/simulator/plan-file.ts'
import { runSeries } from '../../src/simulator/series.ts'
import { nothingRun, type Total, withRun } from '../../src/simulator/total.ts'
import { compile, paxos, removeCompiled } from './paxos.ts'

let directory: string

beforeAll(async () => {
  await compile()
  directory = await mkdtemp(join(tmpdir(), 'paxos-simulate-'))
})

afterAll(async () => {
  await removeCompiled()
  await rm(directory, { recursive: true })
})

async function totalOf(...args: string[]): Promise<Total> {
  const { code, stdout, stderr } = await paxos('simulate', '--json', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout).total
}

describe('paxos simulate', () => {
  test('prints the seed first, and at the end that everything held', async () => {
    const { code, stdout } = await paxos('simulate', '--seed', '3')
    expect(stdout).toMatch(/^seed 3\n/)
    expect(stdout).toMatch(/\neverything held\n$/)
    expect(code).toBe(0)
  })

  test('comes to the same over threads, built or from source, and in one thread', async () => {
    const alone = await totalOf('--seed', '20', '--runs', '4', '--nodes', '3')
    expect(alone.runs).toBe(4)
    expect(await totalOf('--seed', '20', '--runs', '4', '--nodes', '3', '--jobs', '2')).toEqual(alone)
    let fromSource = nothingRun
    await runSeries({
      seeds: [20, 21, 22, 23],
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

  test('does not run a plan that is none: it says which, and why', async () => {
    const file = join(directory, 'broken.json')
    await writeFile(file, '{ "format": 1 }')
    const { code, stderr } = await paxos('simulate', '--plan', file)
    expect(code).toBe(1)
    expect(stderr).toContain(`paxos: --plan ${file}: /`)
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
