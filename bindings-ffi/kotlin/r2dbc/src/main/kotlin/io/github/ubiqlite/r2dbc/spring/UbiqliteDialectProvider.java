package io.github.ubiqlite.r2dbc.spring;

import io.r2dbc.spi.ConnectionFactory;
import java.util.Optional;
import org.springframework.data.r2dbc.dialect.DialectResolver;
import org.springframework.data.r2dbc.dialect.R2dbcDialect;

/** What Spring Data finds in {@code META-INF/spring.factories}. */
final class UbiqliteDialectProvider implements DialectResolver.R2dbcDialectProvider {
    @Override
    public Optional<R2dbcDialect> getDialect(ConnectionFactory connectionFactory) {
        return connectionFactory.getMetadata().getName().equals("SQLite") ? Optional.of(UbiqliteDialect.INSTANCE) : Optional.empty();
    }
}
