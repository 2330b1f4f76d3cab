{{- /* Names. */ -}}
{{- define "metdc.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "metdc.operator.fullname" -}}
{{- printf "%s-operator" (include "metdc.fullname" .) -}}
{{- end -}}

{{- define "metdc.operator.account" -}}
{{- .Values.operator.serviceAccount.name | default (include "metdc.operator.fullname" .) -}}
{{- end -}}

{{- /* The name of the installation: its collectors carry it as a label. */ -}}
{{- define "metdc.installation.name" -}}
{{- .Values.operator.name | default (include "metdc.fullname" .) -}}
{{- end -}}

{{- define "metdc.nats.fullname" -}}
{{- printf "%s-nats" (include "metdc.fullname" .) -}}
{{- end -}}

{{- /* Labels. A selector never changes. */ -}}
{{- define "metdc.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: metdc
{{- end -}}

{{- define "metdc.operator.selector" -}}
app.kubernetes.io/name: metdc-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "metdc.listings.fullname" -}}
{{- printf "%s-listings" (include "metdc.fullname" .) -}}
{{- end -}}

{{- define "metdc.listings.selector" -}}
app.kubernetes.io/name: metdc-listings
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "metdc.nats.selector" -}}
app.kubernetes.io/name: metdc-nats
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* An image's reference: by digest where one is named, else by tag. Takes root and image. */ -}}
{{- define "metdc.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* The namespaces that hold resources, as a YAML list: the release's own first. */ -}}
{{- define "metdc.namespaces" -}}
{{- concat (list .Release.Namespace) .Values.namespaces | uniq | toYaml -}}
{{- end -}}

{{- /* A size such as 20Gi in bytes. */ -}}
{{- define "metdc.bytes" -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mul (regexFind "^[0-9]+" . | int64) (get $factors (regexFind "[kKMGT]?i?$" .) | int64) -}}
{{- end -}}

{{- /* A duration such as 1h30m in seconds. */ -}}
{{- define "metdc.seconds" -}}
{{- $total := 0 -}}
{{- range regexFindAll "[0-9]+[smh]" . -1 -}}
{{- $total = add $total (mul (regexFind "^[0-9]+" . | int64) (get (dict "s" 1 "m" 60 "h" 3600) (regexFind "[smh]$" .) | int64)) -}}
{{- end -}}
{{- $total -}}
{{- end -}}

{{- /* Merges .from into .into: maps are merged, null takes a key out, all else takes the place of what was there. */ -}}
{{- define "metdc.merge" -}}
{{- $into := .into -}}
{{- range $key, $value := .from -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $into $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" (get $into $key)) -}}
{{- include "metdc.merge" (dict "into" (get $into $key) "from" $value) -}}
{{- else -}}
{{- $_ := set $into $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* One object as the chart makes it: the named template's, with what is common to all, and the patches for it.
Takes root, template, and namespace where it isn't the release's. */ -}}
{{- define "metdc.object" -}}
{{- $root := .root -}}
{{- $object := include .template . | fromYaml -}}
{{- if $object.Error -}}
{{- fail (printf "%s is no YAML: %s" .template $object.Error) -}}
{{- end -}}
{{- $metadata := $object.metadata -}}
{{- if not (has $object.kind (list "ClusterRole" "ClusterRoleBinding" "CustomResourceDefinition")) -}}
{{- $_ := set $metadata "namespace" (.namespace | default $root.Release.Namespace) -}}
{{- end -}}
{{- $_ := set $metadata "labels" (merge dict ($metadata.labels | default dict) (include "metdc.labels" $root | fromYaml) $root.Values.commonLabels) -}}
{{- with merge dict ($metadata.annotations | default dict) $root.Values.commonAnnotations -}}
{{- $_ := set $metadata "annotations" . -}}
{{- end -}}
{{- range $root.Values.patches -}}
{{- if and (eq .target.kind $object.kind) (has (.target.name | default $metadata.name) (list $metadata.name)) -}}
{{- include "metdc.merge" (dict "into" $object "from" .merge) -}}
{{- end -}}
{{- end -}}
---
{{ toYaml $object }}
{{ end -}}

{{- /* What every container of the chart is restricted to. */ -}}
{{- define "metdc.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Where a pod may run, from values of that name. */ -}}
{{- define "metdc.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}
