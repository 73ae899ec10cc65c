import { IconMapQuestion } from '@tabler/icons-react'
import { t } from '../i18n'
import { Empty } from '../ui/states'

export function Lost() {
  return (
    <main>
      <Empty
        icon={<IconMapQuestion size={32} stroke={1.5} />}
        title={t('lost.title')}
        action={<a href="/">{t('lost.home')}</a>}
      >
        {t('lost.text')}
      </Empty>
    </main>
  )
}
