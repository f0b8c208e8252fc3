/** Many runs, one seed after another, spread over worker threads. */
import { Worker } from 'node:worker_threads'
import { drawPlan, type PlanOptions } from './draw-plan.ts'
import type { RunReport } from './run-report.ts'
import { runWithCodec } from './wire.ts'

export interface SeriesOptions {
  readonly seeds: readonly number[]
  readonly plan: PlanOptions
  /** How many threads run; with 1 it is this one. */
  readonly jobs: number
  /** Told of each run, in no order that means anything. */
  readonly ran: (seed: number, report: RunReport) => void
}

/** What a worker is told: a seed to run. What it answers: its report. */
export interface Ran {
  readonly seed: number
  readonly report: RunReport
}

/** Runs every seed. Rejects when a worker ends by itself. */
export async function runSeries({ seeds, plan, jobs, ran }: SeriesOptions): Promise<void> {
  if (jobs === 1) {
    for (const seed of seeds) {
      ran(seed, runWithCodec(drawPlan(seed, plan)))
      // So that a signal is heard, and a progress bar drawn.
      await new Promise((next) => setImmediate(next))
    }
    return
  }
  const left = seeds.values()
  await Promise.all(Array.from({ length: Math.min(jobs, seeds.length) }, () => work(left, plan, ran)))
}

/** One worker, which takes the next seed when it has run one. */
function work(left: Iterator<number>, plan: PlanOptions, ran: SeriesOptions['ran']): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = startWorker(plan)
    const next = () => {
      const { done, value } = left.next()
      worker.postMessage(done === true ? null : value)
    }
    worker.on('message', ({ seed, report }: Ran) => {
      ran(seed, report)
      next()
    })
    worker.on('error', reject)
    worker.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`a worker thread ended with exit code ${code}`))
    })
    next()
  })
}

/** The thread's file stands beside this one, built or not; from source it needs what reads TypeScript. */
function startWorker(plan: PlanOptions): Worker {
  const options = { workerData: plan }
  if (import.meta.url.endsWith('.js')) return new Worker(new URL('./worker.js', import.meta.url), options)
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const source = JSON.stringify(new URL('./worker.ts', import.meta.url).href)
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${source}) })`
  return new Worker(code, { ...options, eval: true })
}
