import type { PartProps } from '../context.ts'

export function Charts(_: PartProps) {
  return <p>To be drawn.</p>
}
