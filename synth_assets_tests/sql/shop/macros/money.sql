{# Cents as a number of whole currency with two places. #}
{% macro cents_to_money(column, places=2) -%}
    cast({{ column }} / 100.0 as decimal(16, {{ places }}))
{%- endmacro %}

{% macro sum_where(column, condition) -%}
    coalesce(sum(case when {{ condition }} then {{ column }} end), 0)
{%- endmacro %}

{% macro paid_by(method, column='amount_cents') -%}
    {{ cents_to_money(sum_where(column, "method = '" ~ method ~ "'")) }}
{%- endmacro %}
