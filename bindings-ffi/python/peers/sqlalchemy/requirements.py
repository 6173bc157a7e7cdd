"""The features of SQLite that SQLAlchemy's tests may require, whatever driver is under them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

HAS = """
autocommit boolean_col_expressions check_constraint_reflection computed_columns computed_columns_default_persisted
computed_columns_reflect_persisted computed_columns_stored computed_columns_virtual create_table_as
create_temp_table_as ctes ctes_with_values date_historic datetime_historic datetime_literals dbapi_lastrowid
deferrable_fks emulated_lastrowid except_ expression_server_defaults
fk_constraint_option_reflection_ondelete_noaction fk_constraint_option_reflection_ondelete_restrict
fk_constraint_option_reflection_onupdate_restrict float_or_double_precision_behaves_generically
foreign_key_constraint_name_reflection foreign_key_constraint_option_reflection_ondelete
foreign_key_constraint_option_reflection_onupdate index_ddl_if_exists infinity_floats
inline_check_constraint_reflection intersect isolation_level json_type mod_operator_as_percent_sign nullsordering
order_by_label_with_expression percent_schema_names recursive_fk_cascade reflects_pk_names regexp_match savepoints
server_defaults skip_autocommit_rollback supports_bitwise_and supports_bitwise_not supports_bitwise_or
supports_bitwise_shift table_ddl_if_exists tuple_in unicode_ddl update_from views window_functions window_range
""".split()

LACKS = """
implicitly_named_constraints indexes_check_column_order json_index_supplementary_unicode_element
parens_in_union_contained_select_w_limit_offset parens_in_union_contained_select_wo_limit_offset
""".split()


class Requirements(SuiteRequirements):
    """As for any dialect, with what SQLite has beside that, and without what it lacks."""

    @property
    def independent_connections(self) -> exclusions.compound:
        """Whether a test class may have its own engines: only the tests' first one has their second schema attached."""
        return exclusions.closed()

    def get_isolation_levels(self, config: Any) -> dict[str, Any]:
        """Returns those that the dialect has, in the order in which its errors name them."""
        return {"default": "SERIALIZABLE", "supported": list(config.db.dialect._isolation_lookup)}

    def get_order_by_collation(self, config: Any) -> str:
        """Returns a collation that every SQLite has."""
        return "NOCASE"


for names, made in ((HAS, exclusions.open), (LACKS, exclusions.closed)):
    for name in names:
        # The name of a feature that the suite does not know would silently change nothing.
        assert hasattr(SuiteRequirements, name), name
        setattr(Requirements, name, property(lambda _, made=made: made()))
