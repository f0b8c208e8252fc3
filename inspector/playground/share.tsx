import { useState } from 'preact/hooks'
import { openFile } from './address.ts'
import type { Playground, PlaygroundState } from './playground.ts'

interface ShareProps {
  readonly state: PlaygroundState
  readonly playground: Playground
}

/** Export and import: links, transcripts, files. */
export function Share({ state, playground }: ShareProps) {
  const [report, setReport] = useState('')
  const copy = async (what: string, text: string) => {
    try {
      await navigator.clipboard.writeText(text)
      setReport(`${what} was copied.`)
    } catch {
      setReport(`The browser does not allow copying. ${what}: ${text}`)
    }
  }
  const linkHere = async () => `${location.href.replace(/#.*$/, '')}${await playground.link()}`
  return (
    <section aria-label="Share and open">
      <div class="playground-row">
        {(state.recording === null || state.plan !== null) && (
          <button type="button" onClick={async () => copy('The link', await linkHere())}>
            Copy link
          </button>
        )}
        {state.recording === null && (
          <>
            <button type="button" onClick={() => copy('The transcript', playground.transcript())}>
              Copy transcript
            </button>
            <button type="button" onClick={() => save('schedule.txt', playground.transcript())}>
              Save
            </button>
          </>
        )}
        <label class="playground-file">
          Open a transcript, a recording or a plan{' '}
          <input
            type="file"
            accept=".txt,.ndjson,.jsonl,.json,text/plain"
            onChange={async ({ currentTarget }) => {
              const file = currentTarget.files?.[0]
              if (file !== undefined) await openFile(playground, file)
              // The same file may be opened again.
              currentTarget.value = ''
            }}
          />
        </label>
      </div>
      <p role="status" class="playground-status">
        {report}
      </p>
    </section>
  )
}

function save(name: string, text: string): void {
  const link = document.createElement('a')
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
