// The hub notes what happened to a conversation in lines of fixed form ("status: open → resolved", "assignee: Ana").
// Here they become sentences in the reader's language; a line of another form is shown as it is.

import { t } from '../i18n'

const NOBODY = 'nobody'
const statuses = ['open', 'pending', 'snoozed', 'resolved'] as const
const priorities = ['urgent', 'high', 'normal', 'low'] as const

/** What an activity says, one sentence a line. who is the name of the one who did it, "" when nobody did. */
export function activityText(body: string, who: string): string[] {
  return body.split('\n').map((line) => sentence(line, who))
}

function sentence(line: string, who: string): string {
  const [, field, value = ''] = /^(status|assignee|team|priority): (.*)$/.exec(line) ?? []
  const context = who ? 'by' : undefined
  if (field === 'assignee') {
    return value === NOBODY
      ? t('activity.unassigned', { context, who })
      : t('activity.assigned', { context, who, name: value })
  }
  if (field === 'team') {
    return value === NOBODY ? t('activity.noTeam', { context, who }) : t('activity.team', { context, who, name: value })
  }
  const to = value.split(' → ')[1]
  const status = field === 'status' && statuses.find((s) => s === to)
  if (status) return t('activity.status', { context, who, status: t(`status.${status}`) })
  const priority = field === 'priority' && priorities.find((p) => p === to)
  if (priority) return t('activity.priority', { context, who, priority: t(`priority.${priority}`) })
  return line
}
