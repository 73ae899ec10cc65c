/** The evidence of a match as a sentence; an older hub may give it as fields. */
export function matchEvidence(evidence: unknown): string {
  if (typeof evidence === 'string') return evidence
  if (!evidence || typeof evidence !== 'object') return ''
  return Object.entries(evidence)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}
